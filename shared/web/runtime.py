"""What a running web process holds: made once at start, reached through ``app.state``."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from shared.crypto import Sealer
from shared.db import Database
from shared.settings import ServiceSettings
from shared.tokens import TokenVerifier
from shared.web.pages import Pages


@dataclass
class Runtime:
    """The parts that doors need: settings, database, keys, templates, token checks."""

    service: str
    settings: ServiceSettings
    database: Database
    sealer: Sealer
    pages: Pages
    tokens: TokenVerifier


def runtime_of(connection: HTTPConnection) -> Runtime:
    """Return the runtime of the app that serves this request."""
    runtime: Runtime = connection.app.state.runtime
    return runtime
