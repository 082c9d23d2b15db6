"""The two FastAPI apps of identity beside the protocol's: JSON for programs, pages for people."""

from fastapi import FastAPI

from identity.audit import pages as audit_pages
from identity.factors import pages as factors_pages
from identity.home import pages as home_pages
from identity.oidc import pages as oidc_pages
from identity.oidc import polled_pages
from identity.safe import pages as safe_pages
from identity.sandbox import api as sandbox_api
from identity.sandbox import pages as sandbox_pages
from identity.signin import pages as signin_pages
from identity.verification import pages as verification_pages
from shared.web.app import make_api, make_pages_app
from shared.web.login import SignInNeeded, redirect_to_sign_in

FEATURES = (
    oidc_pages,
    sandbox_pages,
    polled_pages,
    factors_pages,
    signin_pages,
    verification_pages,
    safe_pages,
    home_pages,
    audit_pages,
)


def make_identity_api() -> FastAPI:
    """Return the API app, mounted at ``/identity/v1``."""
    api = make_api("identity", "Identity")
    api.include_router(sandbox_api.router)
    return api


def make_identity_pages() -> FastAPI:
    """Return the pages app, mounted at ``/identity``."""
    app = make_pages_app("identity")
    for feature in FEATURES:
        app.include_router(feature.router)
    app.add_exception_handler(SignInNeeded, redirect_to_sign_in)
    return app
