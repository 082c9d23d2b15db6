"""The web process of identity: the protocol, the pages and the API under one address."""

from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from identity.app import make_identity_api, make_identity_pages
from identity.oidc.did_document import CACHE_SECONDS, did_of, make_did_document
from identity.oidc.direct import DirectEndpoints
from identity.oidc.discovery import make_discovery
from identity.oidc.endpoints import make_attributes_app, make_protocol_apps
from identity.oidc.provider import Issuer, Provider
from identity.relying_parties.profiles import ONE_LOGIN, SCOTACCOUNT
from identity.settings import IdentitySettings, get_settings
from shared import clock
from shared.db import Database
from shared.web.app import make_runtime, make_service_app, serve

_HTML = Path(__file__).parent / "html"
_WELL_KNOWN = "/.well-known/oauth-authorization-server"


def create_app(settings: IdentitySettings | None = None) -> Starlette:
    """Return the ASGI application of the process."""
    settings = settings or get_settings()
    runtime = make_runtime(
        "identity",
        settings,
        _HTML,
        service_name="Sign in to public services",
        service_url="/identity/account",
    )
    provider = Provider(settings, runtime.sealer)
    pages = make_identity_pages()
    pages.state.provider = provider
    api = make_identity_api()
    api.state.provider = provider
    mounts: dict[str, FastAPI] = {"/identity/v1": api}
    protocol = make_protocol_apps()
    for path, app in protocol.items():
        app.state.provider = provider
        mounts[path] = app
    mounts["/identity"] = pages
    if settings.scotaccount_attributes_url:
        host = make_attributes_app(SCOTACCOUNT)
        host.state.provider = provider
        mounts[urlsplit(settings.scotaccount_attributes_url).path.rstrip("/")] = host
    routes = tuple(_metadata_route(issuer) for issuer in provider.issuers.values())
    if settings.onelogin_identity_url:
        routes += (_did_route(runtime.database, provider),)
    direct = Middleware(DirectEndpoints, provider=provider, apps=protocol)
    return make_service_app(runtime, mounts, routes=routes, middleware=(direct,))


def _metadata_route(issuer: Issuer) -> Route:
    """Return RFC 8414's own address: the well-known part stands before the issuer's path."""
    content = make_discovery(issuer)
    cache = {"Cache-Control": f"public, max-age={issuer.profile.metadata_seconds}"}

    def metadata(_request: Request) -> Response:
        return JSONResponse(content, headers=cache)

    return Route(f"{_WELL_KNOWN}{issuer.profile.path}", metadata)


def _did_route(database: Database, provider: Provider) -> Route:
    """Return the DID document at the root, where the identity host is one of its own."""
    issuer = provider.issuers[ONE_LOGIN.name]

    def document(_request: Request) -> Response:
        with database.transaction() as session:
            keys = provider.identity_keys.get(session, clock.now())
        return JSONResponse(
            make_did_document(did_of(provider.settings, issuer), keys),
            media_type="application/did+json",
            headers={"Cache-Control": f"public, max-age={CACHE_SECONDS}"},
        )

    return Route("/.well-known/did.json", document)


def run() -> None:
    """Serve until told to stop."""
    serve(create_app(), get_settings())
