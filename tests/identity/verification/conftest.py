import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from deploy.local.postgres import free_port
from identity.accounts.settings import DEMO_CHECK_KEY
from identity.verification.pages import get_provider
from identity.verification.providers.document_check import HttpDocumentCheck
from identity.verification.simulator import make_app
from tests.identity.people import People


@pytest.fixture
def company(tmp_path: Path) -> Iterator[str]:
    """The simulated company on a real socket; its slow persona takes two seconds."""
    port = free_port()
    app = make_app(tmp_path, slow_seconds=2, down_seconds=2)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def provider(company: str) -> Iterator[HttpDocumentCheck]:
    with httpx.Client() as http:
        yield HttpDocumentCheck(company, DEMO_CHECK_KEY, http)


@pytest.fixture
def verifying(people: People, provider: HttpDocumentCheck) -> People:
    """The pages, ordering their checks at the simulated company."""
    pages = people.http.app.routes[-1].app  # type: ignore[attr-defined]  # the test client holds our own app
    assert isinstance(pages, FastAPI)
    pages.dependency_overrides[get_provider] = lambda: provider
    return people
