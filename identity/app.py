"""The two FastAPI apps of identity beside the protocol's: JSON for programs, pages for people."""

from fastapi import FastAPI

from identity.audit import pages as audit_pages
from identity.closure import pages as closure_pages
from identity.console import pages as console_pages
from identity.details import pages as details_pages
from identity.factors import pages as factors_pages
from identity.home import pages as home_pages
from identity.keys import api as keys_api
from identity.oidc import pages as oidc_pages
from identity.oidc import polled_pages
from identity.organisations import api as organisations_api
from identity.phones import pages as phones_pages
from identity.recovery import pages as recovery_pages
from identity.registration import api as registration_api
from identity.registration import pages as registration_pages
from identity.relying_parties import start_pages
from identity.safe import pages as safe_pages
from identity.sandbox import api as sandbox_api
from identity.sandbox import pages as sandbox_pages
from identity.signin import pages as signin_pages
from identity.signin.access import send_to_sign_in
from identity.staff_sign_on import pages as staff_sign_on_pages
from identity.verification import pages as verification_pages
from shared.web.app import make_api, make_pages_app
from shared.web.login import SignInNeeded

FEATURES = (
    oidc_pages,
    sandbox_pages,
    # Before sign-in, one of whose patterns would take its addresses for its own.
    staff_sign_on_pages,
    polled_pages,
    factors_pages,
    # Before sign-in, whose pattern for pages of codes would take theirs for its own.
    recovery_pages,
    signin_pages,
    verification_pages,
    safe_pages,
    home_pages,
    audit_pages,
    registration_pages,
    start_pages,
    phones_pages,
    details_pages,
    closure_pages,
    console_pages,
)
PROGRAMS = (sandbox_api, keys_api, organisations_api, registration_api)


def make_identity_api() -> FastAPI:
    """Return the API app, mounted at ``/identity/v1``."""
    app = make_api("identity", "Identity")
    for feature in PROGRAMS:
        app.include_router(feature.router)
    return app


def make_identity_pages() -> FastAPI:
    """Return the pages app, mounted at ``/identity``."""
    app = make_pages_app("identity")
    for feature in FEATURES:
        app.include_router(feature.router)
    app.add_exception_handler(SignInNeeded, send_to_sign_in)
    return app
