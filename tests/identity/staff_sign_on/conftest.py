import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from identity.settings import IdentitySettings
from identity.web import create_app
from shared.db import Database
from tests.identity.console.office import Office
from tests.identity.oidc.world import World


@pytest.fixture
def upstream_url(
    world: World, identity_database: Database, identity_url: str, key_file: Path
) -> Iterator[str]:
    """A second instance of our own provider on a socket of its own: the organisation's sign-in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = IdentitySettings(
        environment="test",
        public_url=f"http://127.0.0.1:{port}",
        port=port,
        database_url=identity_url,
        broker_url="redis://127.0.0.1:1/0",
        secret_key="y" * 40,
        encryption_key_file=key_file,
        log_level="WARNING",
        outbound_allowed_hosts=["127.0.0.1"],
    )
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield settings.public_url
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def office(world: World) -> Office:
    made = Office(world)
    made.found()
    return made
