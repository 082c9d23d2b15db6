import os
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from pathlib import Path

import pytest
from joserfc.jwk import Key, RSAKey

from identity.keys import actions, queries
from identity.relying_parties.grants import CIBA, DEVICE
from shared.db import Database
from tests.identity.oidc.grants import JEAN, REFRESH, Grants
from tests.identity.oidc.world import World, rsa_key
from tests.identity.people import People
from tests.identity.post import Post, take_post
from tests.identity.registrar import Registrar
from tests.support.outside import Outside, outside_server

# Settings that are read without an environment would take production's strictness.
os.environ.setdefault("IDENTITY_ENVIRONMENT", "test")


@pytest.fixture
def outside() -> Iterator[Outside]:
    """An outside party on a socket of its own, which the provider may ask."""
    with outside_server() as server:
        yield server


_import_always = queries._import
_import_once = cache(_import_always)


def _import_key(algorithm: str, value: bytes | dict[str, str | list[str]]) -> Key:
    """Read a key; a private one of the small stock is checked for its primes only once."""
    if isinstance(value, bytes):
        return _import_once(algorithm, value)
    return _import_always(algorithm, value)


@pytest.fixture(autouse=True)
def _few_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take RSA keys from a small stock: making one takes longer than a whole test."""
    stock = cycle(range(16))

    class Stock(RSAKey):
        @classmethod
        def generate_key(cls, *_sizes: object, **_others: object) -> RSAKey:  # type: ignore[override]  # the test needs no size
            return rsa_key(next(stock))

    monkeypatch.setattr(actions, "RSAKey", Stock)
    monkeypatch.setattr(queries, "_import", _import_key)


@pytest.fixture
def world(identity_database: Database, identity_url: str, key_file: Path) -> Iterator[World]:
    made = World.create(identity_database, identity_url, key_file)
    yield made
    made.close()


@pytest.fixture
def client_world(world: World) -> World:
    """A world with a plain client, and a person who is signed in."""
    world.register()
    world.sign_in()
    return world


@pytest.fixture
def registrar(world: World) -> Registrar:
    """A program that may register many clients, in a browser where somebody is signed in."""
    world.sign_in()
    return Registrar.create(world)


@pytest.fixture
def grants(world: World) -> Grants:
    """A person, a device, and a service that asks while the person is elsewhere."""
    made = Grants(world, world.sign_in(JEAN))
    made.register(
        "tv-app", DEVICE, REFRESH, auth_method="none", redirect_uris=(), sector="tv.example"
    )
    made.register("bank-service", CIBA, REFRESH, redirect_uris=(), sector="bank.example")
    return made


@pytest.fixture
def people(world: World) -> People:
    """The pages on a real database, with one ScotAccount client registered."""
    world.register(profile="scotaccount", client_id="councilclient")
    return People(world)


@pytest.fixture
def mail(people: People, monkeypatch: pytest.MonkeyPatch) -> Post:
    """What identity has sent to the people."""
    return take_post(people, monkeypatch)
