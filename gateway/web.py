"""The web process of the gateway: pages at the root, the API, and everybody's assets."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from gateway.app import make_gateway_api, make_gateway_pages
from gateway.settings import GatewaySettings, get_settings
from shared.web.app import make_runtime, make_service_app, serve
from shared.web.login import make_backchannel_route, who_is_signed_in
from shared.web.pages import translate

_HTML = Path(__file__).parent / "html"
_OK = 200


class LongLived(StaticFiles):
    """Files in folders named after their content: a browser may keep them for a year."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file with its life in caches; asynchronous because Starlette's own is."""
        response = await super().get_response(path, scope)
        if response.status_code == _OK:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _navigation(request: Request) -> dict[str, object]:
    """Return the way to their applications for a person who is signed in."""
    if getattr(request.state, "web_session", None) is None:
        return {}
    here = request.url.path
    item = {"text": translate("Your applications"), "href": "/journeys"}
    return {"navigation": [{**item, "current": here in ("/journeys", "/journeys/cases")}]}


def create_app(settings: GatewaySettings | None = None) -> Starlette:
    """Return the ASGI application of the process."""
    settings = settings or get_settings()
    runtime = make_runtime(
        "gateway", settings, _HTML, service_name="Public services", service_url="/"
    )
    runtime.pages.add_extras(who_is_signed_in)
    runtime.pages.add_extras(_navigation)
    pages = make_gateway_pages(settings)
    routes: list[BaseRoute] = [make_backchannel_route(pages.state.login, runtime)]
    if settings.assets_dir is not None:
        routes.append(Mount("/assets", LongLived(directory=settings.assets_dir)))
    mounts = {"/gateway/v1": make_gateway_api(), "": pages}
    return make_service_app(runtime, mounts, routes=tuple(routes))


def run() -> None:
    """Serve until told to stop."""
    serve(create_app(), get_settings())
