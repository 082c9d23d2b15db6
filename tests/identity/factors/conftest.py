"""The pages of identity on a socket, for a real browser."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from deploy.assets import collect
from shared.web import assets
from tests.identity.people import People


@pytest.fixture(scope="session")
def assets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    collect(folder)
    return folder


@pytest.fixture
def address(people: People, assets_folder: Path) -> Iterator[str]:
    """Serve identity under `localhost`, the host of its passkeys, with the assets beside it."""
    assets.use_assets(assets_folder)
    app = Starlette(
        routes=[Mount("/assets", StaticFiles(directory=assets_folder)), Mount("", people.http.app)]
    )
    door = socket.create_server(("127.0.0.1", 0))
    people.world.settings.public_url = f"http://localhost:{door.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield people.world.settings.public_url
    server.should_exit = True
    thread.join(10)
    assets.use_assets(None)
