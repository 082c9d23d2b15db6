"""Our own provider on a real socket, for browsers and for another provider."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from identity.settings import IdentitySettings
from identity.web import create_app


@contextmanager
def served(database_url: str, key_file: Path, secret_key: str) -> Iterator[str]:
    """Serve on a free port of the loopback address; gives the public address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = IdentitySettings(
        environment="test",
        public_url=f"http://127.0.0.1:{port}",
        port=port,
        database_url=database_url,
        broker_url="redis://127.0.0.1:1/0",
        secret_key=secret_key,
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
