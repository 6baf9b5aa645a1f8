"""The status page in real Chromium: login, live progress, confirmations, languages, keyboard, axe-core, phone width."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pages_seed import seed
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from served import Served, served
from sqlalchemy import select

from gateway.context import Gateway, open_gateway
from gateway.runs import events
from gateway.runs.states import Trigger
from gateway.runs.transitions import lock, move, record
from gateway.settings import Settings
from gateway.store.tables import Event, Run

pytestmark = pytest.mark.rig
RIG = Path(__file__).parents[1] / "rigs/chromium/up"
DESK, PHONE = {"width": 1360, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("page") / "home") as one:
        yield one


@pytest.fixture(scope="module")
def seeded(store: Gateway) -> dict[str, str]:
    return seed(store)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    found = subprocess.run([RIG], capture_output=True, text=True)
    if found.returncode == 77:
        pytest.skip(found.stderr.strip())
    opened = playwright.chromium.launch(executable_path=found.stdout.strip(), args=["--no-sandbox"])
    yield opened
    opened.close()


@pytest.fixture
def visit(chromium: Browser, server: Served, seeded) -> Iterator[Callable[..., Page]]:
    """visit("/runs", key="reader", color_scheme="dark", ...) -> a page, logged in unless key="". Nothing may fail or break the policy."""
    contexts, problems = [], []

    def heard(message) -> None:
        if (
            message.type in ("error", "warning") and "Blocked script execution" not in message.text
        ):  # that is the report's frame: as it should be
            problems.append(message.text)

    def open_page(path: str, key: str = "admin", **options) -> Page:
        context = chromium.new_context(base_url=server.url, **({"viewport": DESK, "reduced_motion": "reduce"} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: heard(message))
        page.goto("/login" if key else path)
        if key:
            page.fill("#key", seeded[key])
            page.keyboard.press("Enter")
            page.wait_for_url("**/runs")
            if path != "/runs":
                page.goto(path)
        return page

    open_page.problems = problems
    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="module")
def axe(tmp_path_factory) -> str:
    """The script of axe-core, from npm."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=120,
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"axe-core cannot be installed here: {error}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def change(store: Gateway, run_id: str, trigger: Trigger | None = None, **columns) -> None:
    """What a worker does: a move, or progress."""
    with store.store.write() as session:
        run = lock(session, run_id)
        if trigger:
            move(session, run, trigger, **columns)
        else:
            for name, value in columns.items():
                setattr(run, name, value)
            record(session, run, events.PROGRESS, {"progress": run.progress})


# Login


def test_login_by_keyboard_and_back_to_the_page_that_was_asked_for(visit, seeded):
    page = visit(f"/runs/{seeded['hr-policies']}", key="")
    expect(page.locator("h1")).to_have_text("Log in")
    expect(page.locator("#key")).to_be_focused()
    page.keyboard.type(seeded["admin"])
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("hr-policies")
    assert page.evaluate("document.cookie") == "" and page.evaluate("Object.keys(sessionStorage).concat(Object.keys(localStorage))") == []
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("h1")).to_have_text("Log in")
    page.goto("/runs")
    expect(page.locator("h1")).to_have_text("Log in")


def test_a_wrong_key_is_said(visit):
    page = visit("/login", key="")
    page.fill("#key", "lf_wrong_key")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known")
    expect(page.locator("#key")).to_be_focused()
    visit.problems[:] = [one for one in visit.problems if "401" not in one]  # Chromium's own line about the answer


def test_a_link_from_elsewhere_finds_the_session(visit, seeded, server: Served, tmp_path: Path):
    """SameSite=Strict: the first call of a navigation from another site has no cookie."""
    page = visit("/runs")
    target = f"/runs/{seeded['hr-policies']}"
    page.route(
        "http://elsewhere.example/", lambda route: route.fulfill(body=f'<a href="{server.url}{target}">run</a>', content_type="text/html")
    )
    page.goto("http://elsewhere.example/")
    page.click("a")
    expect(page.locator("h1")).to_have_text("hr-policies")


# Live


def test_progress_comes_without_a_reload(visit, store: Gateway, seeded):
    run_id = seeded["contracts-pt"]
    page = visit(f"/runs/{run_id}")
    page.evaluate("window.same = true")
    expect(page.locator("#live")).to_have_class(re.compile("on"))
    expect(page.locator(".step.running")).to_contain_text("13 of 32 tasks")
    with store.store.read() as session:
        progress = session.get(Run, run_id).progress
    change(store, run_id, progress=progress | {"ANONYMIZE": {"done": 21, "running": 3, "failed": 1, "cached": 0, "total": 32}})
    expect(page.locator(".step.running")).to_contain_text("21 of 32 tasks")
    assert page.evaluate("window.same") and page.locator("#said").text_content() == ""  # progress is not read out
    detail = {"progress": "finetune", "done": 30, "total": 60, "unit": "step", "loss": 1.5}
    done = {name: progress.get(name, {}) | {"done": 1, "running": 0} for name in ("PREPARE", "ANONYMIZE", "SPLIT")}
    tuning = {"done": 0, "running": 1, "failed": 0, "rounds": {"1": {"done": 0, "running": 1}}, "detail": detail}
    change(store, run_id, progress=progress | done | {"FINETUNE": tuning})
    running = page.locator(".step.running")
    expect(running).to_contain_text("30/60 steps · loss 1.50")
    assert running.locator("progress").get_attribute("value") == "50.0"


def test_the_end_is_seen_and_said(visit, store: Gateway, seeded):
    run_id = seeded["claims-2026-10"]
    listed, page = visit("/runs"), visit(f"/runs/{run_id}")
    expect(listed.locator(f"tr[data-run='{run_id}']")).to_contain_text("Silent")
    outputs = {"verdict": "rejected", "reason": "Rejected: worse than the base model."}
    change(store, run_id, Trigger.FINISHED, verdict="rejected", outputs=outputs, silent_since=None, ended_at=None)
    for one in (listed, page):
        expect(one.locator("#said")).to_have_text("claims-2026-10: Rejected")
    expect(page.locator(".big")).to_have_text("Rejected")
    expect(page.locator(".reason")).to_have_text("Worse than the base model.")
    expect(page.locator("#cancel")).to_have_count(0)
    expect(listed.locator(f"tr[data-run='{run_id}']")).to_contain_text("Rejected")


def test_focus_and_open_details_outlive_an_update(visit, store: Gateway, seeded):
    run_id = seeded["support-tickets-october"]
    page = visit(f"/runs/{run_id}")
    page.locator("#report-show").press("Enter")
    page.locator("#retry").focus()
    with store.store.write() as session:
        run = lock(session, run_id)
        run.launches = 2
        record(session, run, events.PROGRESS, {})
    expect(page.locator(".tiles")).to_contain_text("2never lost")
    expect(page.locator("#retry")).to_be_focused()
    expect(page.locator("details.report")).to_have_attribute("open", "")


def test_the_log_grows_and_is_read_from_a_new_launch(visit, store: Gateway, seeded):
    run_id = seeded["support-tickets-weekly"]
    page = visit(f"/runs/{run_id}")
    log = page.locator("#log")
    expect(log).to_contain_text("LLAMAFLOW:PREFLIGHT")
    folder = Path(_folder(store, run_id)) / "launches"
    with (folder / "1" / "console.log").open("a", encoding="utf-8") as file:
        file.write("a new line <b>of text</b>\n")
    expect(log).to_contain_text("a new line <b>of text</b>")
    (folder / "2").mkdir()
    (folder / "2" / "console.log").write_text("second launch\n")
    expect(log).to_contain_text("second launch")
    page.locator("#log-stream").select_option("nextflow")
    expect(log).to_contain_text("Nothing yet.")


def _folder(store: Gateway, run_id: str) -> str:
    with store.store.read() as session:
        return session.get(Run, run_id).folder


def test_the_gateway_goes_and_comes_back(chromium: Browser, tmp_path: Path):
    home = tmp_path / "home"
    with served(home) as one:
        opened = open_gateway(Settings(_env_file=None, home=home))
        ids = seed(opened)
        opened.close()
        page = chromium.new_page(base_url=one.url)
        page.goto("/login")
        page.fill("#key", ids["admin"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs")
        page.goto(f"/runs/{ids['faq-nightly']}")
        expect(page.locator("#live")).to_have_text("Live")
        one.process.kill()
        one.process.wait()
    expect(page.locator("#live")).to_have_text("Reconnecting…")
    opened = open_gateway(Settings(_env_file=None, home=home))
    for trigger in (Trigger.CLAIM, Trigger.LAUNCHED):
        change(opened, ids["faq-nightly"], trigger)
    opened.close()
    with served(home, port=one.port):
        expect(page.locator("#live")).to_have_text("Live", timeout=30_000)
        expect(page.locator(".big")).to_have_text("Running", timeout=30_000)
    page.close()


# Changes


def test_cancel_asks_first(visit, store: Gateway, seeded):
    run_id = seeded["support-tickets-weekly"]
    page = visit(f"/runs/{run_id}")
    dialog = page.locator("#cancel-dialog")
    page.locator("#cancel").press("Enter")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("support-tickets-weekly")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#cancel")).to_be_focused()
    page.locator("#cancel").click()
    dialog.get_by_role("button", name="Back").click()
    with store.store.read() as session:
        assert session.get(Run, run_id).state == "RUNNING"
    page.locator("#cancel").click()
    dialog.get_by_role("button", name="Cancel run").click()
    expect(page.locator(".big")).to_have_text("Canceling")
    expect(dialog).to_be_hidden()
    expect(page.locator("#main")).to_be_focused()  # the button is gone
    with store.store.read() as session:
        assert session.get(Run, run_id).state == "CANCELING"
        kinds = session.scalars(select(Event.type).where(Event.run_id == run_id)).all()
    assert kinds.count(events.CANCELING) == 1


def test_a_refusal_is_told_in_the_dialog(visit, store: Gateway, seeded):
    run_id = seeded["legacy-mails"]
    page = visit(f"/runs/{run_id}")
    page.locator("#resume").click()
    change(store, run_id, Trigger.RESUME)  # somebody else was faster
    page.locator("#resume-dialog").get_by_role("button", name="Resume").click()
    expect(page.locator("#resume-dialog").get_by_role("alert")).to_contain_text("QUEUED")
    page.keyboard.press("Escape")
    expect(page.locator(".big")).to_have_text("Queued", timeout=20_000)
    visit.problems[:] = [one for one in visit.problems if "409" not in one]


def test_run_again_leads_to_the_new_run(visit, store: Gateway, seeded):
    with store.store.write() as session:
        run = session.get(Run, seeded["hr-policies"])
        run.request = {
            "workflow_url": "llamaflow",
            "workflow_params": {"run_name": "hr-policies"},
            "engine_parameters": {"profile": "test", "stub": True},
            "tags": {},
            "priority": "normal",
        }
    page = visit(f"/runs/{seeded['hr-policies']}")
    page.locator("#retry").click()
    page.locator("#retry-dialog").get_by_role("button", name="Start a new run").click()
    page.wait_for_url(lambda url: "/runs/" in url and seeded["hr-policies"] not in url)
    expect(page.locator(".big")).to_have_text("Queued")


def test_a_person_decides(visit, seeded):
    page = visit(f"/runs/{seeded['hr-policies']}")
    page.locator("#reject").click()
    page.locator("#reject-dialog-reason").fill("not good enough")
    page.locator("#reject-dialog").get_by_role("button", name="Reject").click()
    expect(page.locator("#head")).to_contain_text("Rejected by a person · operations · not good enough")
    expect(page.locator("#approve")).to_have_count(0)


def test_promote_and_roll_back(visit):
    page = visit("/models")
    page.locator("#promote-v1\\.2\\.0").click()
    page.locator("dialog[open] textarea").fill("better on tickets")
    page.locator("dialog[open]").get_by_role("button", name="Promote").click()
    expect(page.locator("tr", has_text="v1.2.0").locator(".chip")).to_have_text("In production")
    expect(page.locator(".events li").first).to_contain_text("better on tickets")
    page.locator("#rollback").click()
    page.locator("dialog[open]").get_by_role("button", name="Roll back").click()
    expect(page.locator("tr", has_text="v1.1.0").locator(".chip")).to_have_text("In production")


def test_who_may_only_read_gets_no_buttons(visit, store: Gateway, seeded):
    page = visit("/models", key="reader")
    expect(page.locator("main button")).to_have_count(0)


# Reports


def test_the_report_shows_and_its_script_does_not_run(visit, seeded):
    page = visit(f"/runs/{seeded['support-tickets-october']}")
    page.locator("#report-show").click()
    frame = page.frame_locator(".report iframe")
    expect(frame.locator("h1")).to_have_text("Report of the run")
    expect(frame.locator("#verdict")).to_contain_text("perplexity fell")


# Languages


def test_the_language_of_the_browser_and_the_switch(visit, seeded):
    page = visit(f"/runs/{seeded['call-transcripts']}", locale="pt-BR")
    assert page.evaluate("document.documentElement.lang") == "pt-BR"
    expect(page.locator(".big")).to_have_text("Falhou")
    page.get_by_role("link", name="English").click()
    expect(page.locator(".big")).to_have_text("Failed")
    assert page.url.endswith(seeded["call-transcripts"])
    page.get_by_role("link", name="Português").click()
    expect(page.locator("#flow-title")).to_have_text("Progresso")


# For everybody

WHERE = """() => {
  const one = document.activeElement;
  window.walked.push(one);
  const visible = one.checkVisibility() && one.getBoundingClientRect().width > 0;
  return [one.id || one.textContent.trim().slice(0, 30), getComputedStyle(one).outlineStyle !== "none", visible];
}"""
REACHED = "a[href], button, select, input:not([type=hidden]), summary, [tabindex='0']"


@pytest.mark.parametrize(
    "options", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}, {"locale": "pt-BR"}], ids=["light", "dark", "phone", "pt"]
)
def test_axe_finds_nothing(visit, axe: str, seeded, options):
    page = visit("/runs", bypass_csp=True, **options)
    found = []
    names = ("contracts-pt", "support-tickets-october", "invoices-small", "call-transcripts", "drift-october", "faq-nightly")
    for path in (
        "/login",
        "/runs",
        "/runs?show=failed&q=nothing",
        "/models",
        *(f"/runs/{seeded[name]}" for name in names),
        "/runs/nothing",
    ):
        if path == "/login":
            page.goto("about:blank")  # the page before would ask once more, without its session
            page.context.clear_cookies()
        page.goto(path)
        if path == "/login":
            found += _violations(page, axe, path)
            page.fill("#key", seeded["admin"])
            page.keyboard.press("Enter")
            page.wait_for_url("**/runs")
            continue
        found += _violations(page, axe, path)
    page.goto(f"/runs/{seeded['contracts-pt']}")
    page.locator("#cancel").click()
    found += _violations(page, axe, "dialog")
    visit.problems[:] = [one for one in visit.problems if "404" not in one]
    assert found == []


def _violations(page: Page, axe: str, where: str) -> list[str]:
    page.evaluate(axe)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    result = page.evaluate("(tags) => axe.run(document, {runOnly: tags, iframes: false})", tags)
    return [f"{where}: {one['id']}: {[_node(node) for node in one['nodes'][:3]]}" for one in result["violations"]]


def _node(node: dict) -> str:
    return f"{node['html'][:120]} {node.get('failureSummary', '')[:200]}"


def test_everything_by_keyboard_in_the_order_that_is_seen(visit, seeded):
    page = visit(f"/runs/{seeded['contracts-pt']}")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.reload()
    here = "(wanted) => [...document.querySelectorAll(wanted)].filter((one) => one.checkVisibility() && !one.closest('dialog')).length"
    wanted = page.evaluate(here, REACHED)
    page.evaluate("window.walked = []")
    seen = []
    for _ in range(wanted):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(WHERE))
    assert page.evaluate("new Set(window.walked).size") == wanted, seen
    assert all(outlined and visible for _name, outlined, visible in seen), seen
    assert [name for name, *_ in seen if name in ("cancel", "log-stream", "log-follow", "log")] == [
        "cancel",
        "log-stream",
        "log-follow",
        "log",
    ]


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_is_wider_than_a_phone(visit, seeded, width):
    page = visit("/runs", viewport={"width": width, "height": 800})
    for path in (
        "/runs",
        "/models",
        f"/runs/{seeded['contracts-pt']}",
        f"/runs/{seeded['invoices-small']}",
        f"/runs/{seeded['drift-october']}",
    ):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_without_script_the_page_still_tells(visit, seeded):
    page = visit(f"/runs/{seeded['invoices-small']}", java_script_enabled=False)
    expect(page.locator(".big")).to_have_text("Rejected")
    expect(page.locator(".phase")).to_have_count(6)
    expect(page.locator("noscript p")).to_be_visible()


def test_motion_only_for_those_who_want_it(visit, seeded):
    moving = "[...document.querySelectorAll('.icon-live, progress')].some((one) => getComputedStyle(one).animationName !== 'none')"
    assert not visit(f"/runs/{seeded['contracts-pt']}").evaluate(moving)
    assert visit(f"/runs/{seeded['contracts-pt']}", reduced_motion="no-preference").evaluate(moving)
