import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity.accounts.settings import get_people_settings
from tests.conftest import Cluster
from tests.contracts.house import SERVICES, House, make_house


@pytest.fixture(scope="module")
def house(
    cluster: Cluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """The services on a port that is free; their databases are emptied afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    urls = {name: cluster.migrated(name) for name in SERVICES}
    key_file: Path = request.getfixturevalue("key_file")
    names_url = request.getfixturevalue("payee_names_url")
    with pytest.MonkeyPatch.context() as patch:
        # Identity's pages read the part of their settings that concerns people by themselves.
        patch.setenv("IDENTITY_ENVIRONMENT", "test")
        get_people_settings.cache_clear()
        made = make_house(
            f"http://127.0.0.1:{port}",
            urls,
            key_file,
            tmp_path_factory.mktemp("contracts"),
            payee_names_url=names_url,
        )
        yield made
    get_people_settings.cache_clear()
    for name, service in made.services.items():
        service.dispose()
        cluster.empty(name)


@pytest.fixture(scope="module")
def payee_names_url() -> str:
    """Where nobody answers; a module that needs the simulator says another."""
    return "http://127.0.0.1:9"
