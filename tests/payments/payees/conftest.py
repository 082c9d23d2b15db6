"""The simulated bank as a real server on a port of its own."""

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from payments.payees.simulator import make_app


@pytest.fixture(scope="module")
def payee_names_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = make_app(tmp_path_factory.mktemp("payee_names"))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    server.force_exit = True
    thread.join()
