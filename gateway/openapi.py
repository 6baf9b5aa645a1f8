"""The gateway's own OpenAPI: who needs a key, and /docs that shows it without a script from anybody else's server."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from .middleware.authenticate import PROTECTED

DOCS, ASSETS = "/docs", "/docs-assets"
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer lf_<prefix>_<secret>"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
# Swagger UI writes styles into its page, and FastAPI's page starts it by an inline script.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
)


def publish(app: FastAPI) -> None:
    """Adds security to /openapi.json, and /docs."""
    plain = app.openapi

    def with_security() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema.setdefault("components", {})["securitySchemes"] = SCHEMES
            for path, methods in schema["paths"].items():
                if path.startswith(PROTECTED):
                    for operation in methods.values():
                        operation["security"] = [{"bearer": []}, {"header": []}]
        return app.openapi_schema

    app.openapi = with_security  # type: ignore[method-assign]
    app.mount(ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")))

    @app.get(DOCS, include_in_schema=False)
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{ASSETS}/favicon.png",
        )
        page.headers["content-security-policy"] = POLICY
        return page
