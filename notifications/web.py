"""The web process of notifications."""

from collections.abc import Mapping
from pathlib import Path

from fastapi import Request
from starlette.types import ASGIApp

from notifications.app import make_people_app, make_programs_app
from notifications.settings import NotificationsSettings, get_settings
from shared.web.app import make_runtime, make_service_app, serve
from shared.web.login import RelyingParty, make_backchannel_route, who_is_signed_in
from shared.web.pages import translate
from shared.web.runtime import Runtime

CLIENT_ID = "notifications-mailbox"
_HTML = Path(__file__).parent / "html"
_PREFIX = "/notifications"


def make_web_runtime(settings: NotificationsSettings) -> Runtime:
    """Return what the doors need, with the mailbox's header on every page."""
    runtime = make_runtime(
        "notifications", settings, _HTML, service_name="Mailbox", service_url=f"{_PREFIX}/"
    )
    runtime.pages.add_extras(who_is_signed_in)
    runtime.pages.add_extras(_heading)
    return runtime


def _heading(request: Request) -> Mapping[str, object]:
    items = ((f"{_PREFIX}/", translate("Inbox")), (f"{_PREFIX}/archive", translate("Archive")))
    here = request.url.path
    return {
        "service_name": translate("Mailbox"),
        "navigation": [
            {"text": text, "href": href, "current": here == href} for href, text in items
        ],
    }


def make_app(runtime: Runtime, relying_party: RelyingParty) -> ASGIApp:
    """Return the application: the API at /notifications/v1, pages at /notifications."""
    return make_service_app(
        runtime,
        {f"{_PREFIX}/v1": make_programs_app(), _PREFIX: make_people_app(relying_party)},
        routes=(make_backchannel_route(relying_party, runtime),),
    )


def create_app(settings: NotificationsSettings | None = None) -> ASGIApp:
    """Return the application that the settings describe."""
    chosen = settings or get_settings()
    relying_party = RelyingParty(
        chosen,
        client_id=CLIENT_ID,
        issuer=chosen.oidc_issuer,
        prefix=_PREFIX,
        scope="openid profile email",
    )
    return make_app(make_web_runtime(chosen), relying_party)


def run() -> None:
    """Serve until told to stop."""
    settings = get_settings()
    serve(create_app(settings), settings)
