import os
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from identity.keys import actions
from shared.db import Database
from tests.identity.oidc.world import World, rsa_key
from tests.identity.people import People

# Settings that are read without an environment would take production's strictness.
os.environ.setdefault("IDENTITY_ENVIRONMENT", "test")


@pytest.fixture
def people(
    identity_database: Database,
    identity_url: str,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[People]:
    """The pages on a real database, with one ScotAccount client registered."""
    stock = cycle(range(8))

    class Stock(RSAKey):
        @classmethod
        def generate_key(cls, *_sizes: object, **_others: object) -> RSAKey:  # type: ignore[override]
            return rsa_key(next(stock))

    # Making an RSA key takes longer than a whole test.
    monkeypatch.setattr(actions, "RSAKey", Stock)
    world = World.create(identity_database, identity_url, key_file)
    world.register(profile="scotaccount", client_id="councilclient")
    yield People(world)
    world.http.app.routes[-1].app.state.runtime.database.engine.dispose()  # type: ignore[attr-defined]
