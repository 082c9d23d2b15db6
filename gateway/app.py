"""The two FastAPI apps of the gateway: JSON for programs, pages for people."""

from fastapi import FastAPI

from gateway.catalogue import api as catalogue_api
from gateway.catalogue import pages as catalogue_pages
from gateway.journeys import api as journeys_api
from gateway.journeys.pages import case_pages, start_pages, step_pages
from gateway.journeys.pages.deps import Elsewhere, lead_elsewhere
from gateway.journeys.scotaccount import AttributeSource
from gateway.settings import GatewaySettings
from shared.tokens import load_private_key
from shared.web.app import make_api, make_pages_app
from shared.web.login import SignInNeeded, make_login_router, redirect_to_sign_in
from shared.web.relying_party import RelyingParty

JOURNEYS = "/journeys"


def make_gateway_api() -> FastAPI:
    """Return the API app, mounted at ``/gateway/v1``."""
    app = make_api("gateway", "Gateway")
    app.include_router(catalogue_api.router)
    app.include_router(journeys_api.router)
    return app


def make_gateway_pages(settings: GatewaySettings) -> FastAPI:
    """Return the pages app, mounted at the root: the catalogue, and the journeys."""
    app = make_pages_app("gateway")
    _install_journeys(app, settings)
    app.include_router(catalogue_pages.router)
    return app


def _install_journeys(app: FastAPI, settings: GatewaySettings) -> None:
    """Give the pages their relying party; its routes come before those of the journeys."""
    key = load_private_key(settings.journeys_key_file)
    app.state.login = RelyingParty(
        settings,
        client_id=settings.journeys_client_id,
        issuer=settings.journeys_issuer,
        prefix=JOURNEYS,
        key=key,
    )
    app.state.attribute_source = AttributeSource(
        url=settings.attributes_url,
        issuer=settings.journeys_issuer,
        client_id=settings.journeys_client_id,
        key=key,
    )
    app.include_router(make_login_router(app.state.login), prefix=JOURNEYS)
    for pages in (case_pages, start_pages, step_pages):
        app.include_router(pages.router)
    app.add_exception_handler(SignInNeeded, redirect_to_sign_in)
    app.add_exception_handler(Elsewhere, lead_elsewhere)
