"""The two FastAPI apps of payments: JSON for programs, pages for people."""

from fastapi import FastAPI

from payments.controls import day_pages, hold_pages, settings_pages, step_up_pages
from payments.controls import pages as controls_pages
from payments.payees import api as payees_api
from payments.payees import pages as payees_pages
from payments.reconciliation import pages as reconciliation_pages
from payments.runs import api as runs_api
from payments.runs import pages as runs_pages
from payments.runs import payment_pages
from payments.runs.access import install_access
from payments.webhooks import api as webhooks_api
from payments.webhooks import pages as webhooks_pages
from shared.web.app import make_api, make_pages_app


def make_payments_api() -> FastAPI:
    """Return the API app, mounted at ``/payments/v1``."""
    app = make_api("payments", "Payments")
    for feature in (payees_api, runs_api, webhooks_api):
        app.include_router(feature.router)
    return app


def make_payments_pages() -> FastAPI:
    """Return the pages app, mounted at ``/payments``."""
    app = make_pages_app("payments")
    for feature in (
        runs_pages,
        payment_pages,
        step_up_pages,
        hold_pages,
        day_pages,
        controls_pages,
        settings_pages,
        payees_pages,
        reconciliation_pages,
        webhooks_pages,
    ):
        app.include_router(feature.router)
    install_access(app)
    return app
