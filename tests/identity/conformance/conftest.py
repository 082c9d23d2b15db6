from pathlib import Path

import pytest

from tests.identity.conformance.strict_client import StrictClient
from tests.identity.oidc.world import World

_VARIANTS = {
    "jwt-dpop": ("private_key_jwt", "dpop", False),
    "jwt-mtls": ("private_key_jwt", "mtls", False),
    "mtls-dpop": ("tls_client_auth", "dpop", False),
    "mtls-mtls": ("tls_client_auth", "mtls", False),
    "signed": ("private_key_jwt", "dpop", True),
}
_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what stands here: a thousand tests, which `make test` leaves to a run of their own."""
    for item in items:
        if item.path.parent == _HERE:
            item.add_marker("conformance")


def _client(world: World, variant: str) -> StrictClient:
    world.sign_in()
    auth, binding, signs = _VARIANTS[variant]
    return StrictClient(world, auth, binding, signs).register()


@pytest.fixture(params=_VARIANTS)
def fapi(world: World, request: pytest.FixtureRequest) -> StrictClient:
    """A client of every variant of the plans, with a person who is signed in."""
    return _client(world, request.param)


@pytest.fixture(params=["jwt-dpop", "mtls-dpop"])
def dpop(world: World, request: pytest.FixtureRequest) -> StrictClient:
    """A client of every variant that binds by DPoP."""
    return _client(world, request.param)


@pytest.fixture
def jwt(world: World) -> StrictClient:
    """A client with private_key_jwt and DPoP, which sends plain pushed requests."""
    return _client(world, "jwt-dpop")


@pytest.fixture
def signed(world: World) -> StrictClient:
    """A client that signs its requests and gets signed answers."""
    return _client(world, "signed")
