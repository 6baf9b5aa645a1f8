"""Takes the pictures of docs/images/n8n-*.png in the real editor:  .venv-gateway/bin/python -m tests.deploy.n8n_pictures

Needs Chromium on PATH. Starts n8n by tests/rigs/n8n and stops it again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

REPO = Path(__file__).resolve().parents[2]
RIG = REPO / "tests" / "rigs" / "n8n"
FOLDER = Path(os.environ.get("N8N_RIG_DIR", "/tmp/llamaflow-n8n-pictures"))
FLOWS = ("train", "train-command", "drift", "approval", "error", "watchdog", "notify")
SIZE = {"train": (1240, 660), "train-command": (1440, 640), "drift": (1100, 640), "approval": (1440, 420), "watchdog": (1300, 420)}
HIDDEN = """
    body * { visibility: hidden !important }
    .vue-flow__transformationpane, .vue-flow__transformationpane * { visibility: visible !important }
"""


def main() -> None:
    up = subprocess.run([RIG / "up", FOLDER], capture_output=True, text=True, timeout=900)
    if up.returncode:
        sys.exit(up.stderr)
    told = dict(line.removeprefix("export ").split("=", 1) for line in up.stdout.splitlines())
    try:
        session = httpx.Client(base_url=told["N8N_URL"], timeout=30)
        login = session.post("/rest/login", json={"emailOrLdapLoginId": told["N8N_OWNER_EMAIL"], "password": told["N8N_OWNER_PASSWORD"]})
        login.raise_for_status()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            context = browser.new_context(color_scheme="light", reduced_motion="reduce")
            context.add_cookies([{"name": name, "value": value, "url": told["N8N_URL"]} for name, value in session.cookies.items()])
            page = context.new_page()
            for flow in FLOWS:
                take(page, told["N8N_URL"], flow)
            browser.close()
    finally:
        if "N8N_RIG_DIR" not in os.environ:
            subprocess.run([RIG / "down", FOLDER], check=True, timeout=120)


def take(page, url: str, flow: str) -> None:
    """The canvas with all nodes in it, without n8n's bars and its hints."""
    width, height = SIZE.get(flow, (760, 380))
    page.set_viewport_size({"width": width + 60, "height": height + 120})
    page.goto(f"{url}/workflow/llamaflow-{flow}")
    page.wait_for_selector(".vue-flow__node", timeout=60_000)
    page.wait_for_timeout(1500)
    page.keyboard.press("1")  # n8n's key for "fit all"
    page.wait_for_timeout(1500)
    page.evaluate("(css) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css); document.adoptedStyleSheets.push(sheet) }", HIDDEN)
    assert page.evaluate("getComputedStyle(document.querySelector('.vue-flow__background')).visibility") == "hidden"
    target = REPO / "docs" / "images" / f"n8n-{flow}.png"
    target.parent.mkdir(exist_ok=True)
    page.screenshot(path=target, clip=page.locator(".vue-flow").first.bounding_box())
    print(f"{target.relative_to(REPO)}: {target.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
