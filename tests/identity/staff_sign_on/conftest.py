from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.db import Database
from tests.identity.console.office import Office
from tests.identity.oidc.world import World
from tests.identity.serving import served


@pytest.fixture
def upstream_url(
    world: World, identity_database: Database, identity_url: str, key_file: Path
) -> Iterator[str]:
    """A second instance of our own provider on a socket of its own: the organisation's sign-in."""
    with served(identity_url, key_file, "y" * 40) as url:
        yield url


@pytest.fixture
def office(world: World) -> Office:
    made = Office(world)
    made.found()
    return made
