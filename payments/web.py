"""The web process of payments: the console's pages and the API under one address."""

from pathlib import Path

from starlette.applications import Starlette

from payments.app import make_payments_api, make_payments_pages
from payments.govstack.app import make_govstack
from payments.runs.access import navigation_of
from payments.settings import PaymentsSettings, get_settings
from shared.web.app import make_runtime, make_service_app, serve
from shared.web.login import (
    RelyingParty,
    install_login,
    make_backchannel_route,
    who_is_signed_in,
)

_HTML = Path(__file__).parent / "html"
CLIENT_ID = "payments-console"
PREFIX = "/payments"


def create_app(settings: PaymentsSettings | None = None) -> Starlette:
    """Return the ASGI application of the process."""
    settings = settings or get_settings()
    runtime = make_runtime(
        "payments", settings, _HTML, service_name="Payments", service_url=f"{PREFIX}/"
    )
    runtime.pages.add_extras(navigation_of)
    runtime.pages.add_extras(who_is_signed_in)
    pages = make_payments_pages()
    relying_party = RelyingParty(
        settings,
        client_id=CLIENT_ID,
        issuer=settings.oidc_issuer,
        prefix=PREFIX,
        scope="openid profile email staff",
    )
    install_login(pages, relying_party)
    return make_service_app(
        runtime,
        {
            f"{PREFIX}/v1": make_payments_api(),
            f"{PREFIX}/govstack": make_govstack(),
            PREFIX: pages,
        },
        routes=(make_backchannel_route(relying_party, runtime),),
    )


def run() -> None:
    """Serve until told to stop."""
    serve(create_app(), get_settings())
