"""The two apps of notifications: one for programs, one for people."""

from fastapi import FastAPI

from notifications.mailbox import api as mailbox_api
from notifications.mailbox import pages as mailbox_pages
from notifications.messages import api as messages_api
from shared.web.app import make_api, make_pages_app
from shared.web.login import RelyingParty, install_login


def make_programs_app() -> FastAPI:
    """Return the API app."""
    app = make_api("notifications", "Notifications and mailbox")
    app.include_router(messages_api.router)
    app.include_router(mailbox_api.router)
    return app


def make_people_app(relying_party: RelyingParty) -> FastAPI:
    """Return the pages app, whose people sign in through the relying party."""
    app = make_pages_app("notifications")
    install_login(app, relying_party)
    app.include_router(mailbox_pages.router)
    return app
