import pytest

from tests.identity.console.office import Office
from tests.identity.oidc.world import World


@pytest.fixture
def office(world: World) -> Office:
    """The console on a real database with two bodies."""
    made = Office(world)
    made.found()
    return made
