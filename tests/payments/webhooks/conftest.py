"""The seeded body with an address that listens, and the courier that delivers to it."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from payments.webhooks.actions.deliver import Courier
from payments.webhooks.actions.endpoints import EndpointPlan, create_endpoint, open_current_secret
from shared import clock
from shared.crypto import Sealer
from shared.db import Database
from shared.guarded_http import GuardedHttp
from tests.payments.runs.conftest import (
    app,
    console,
    database,
    session,
    vault,
    world,
)
from tests.payments.runs.world import BODY
from tests.payments.webhooks.hooks import ADA, HOOK, Watch
from tests.support.outside import Outside, outside_server

__all__ = ["app", "console", "database", "session", "vault", "world"]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def outside() -> Iterator[Outside]:
    with outside_server() as running:
        running.serve(HOOK, "")
        yield running


@pytest.fixture
def courier(database: Database, sealer: Sealer, watch: Watch) -> Courier:
    outbound = GuardedHttp(2.0, allowed_hosts=frozenset({"127.0.0.1"}))
    return Courier(database, sealer, outbound, watch.now)


@pytest.fixture
def listen(database: Database, sealer: Sealer, outside: Outside) -> Callable[..., UUID]:
    def make(
        *event_types: str, organisation: str = BODY, client_id: str | None = None, path: str = HOOK
    ) -> UUID:
        with database.transaction() as session:
            return create_endpoint(
                session,
                sealer,
                organisation,
                EndpointPlan(outside.url + path, event_types),
                ADA,
                clock.now(),
                client_id=client_id,
                allowed_hosts=["127.0.0.1"],
            )

    return make


@pytest.fixture
def secret_of(database: Database, sealer: Sealer) -> Callable[[UUID], str]:
    def read(endpoint_id: UUID) -> str:
        with database.transaction() as session:
            return open_current_secret(session, sealer, endpoint_id, clock.now())

    return read
