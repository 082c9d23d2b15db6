"""Keys that clients publish at an address of their own."""

import json
import time

import pytest
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from sqlalchemy import event

from identity.oidc import client_keys
from identity.oidc.client_keys import RemoteKeys, read_key_set
from identity.relying_parties.options import ClientOptions
from shared.guarded_http import GuardedHttp
from tests.identity.oidc.world import ASSERTION_TYPE, OIDC, World, ec_key, rsa_key
from tests.support.outside import Outside, Reply, Sent

_LOCAL = GuardedHttp(allowed_hosts=frozenset({"127.0.0.1"}))


def key_set(*keys: Key, **more: object) -> str:
    listed = [key.as_dict(private=False) | {"kid": key.thumbprint()} for key in keys]
    return json.dumps({"keys": listed, **more})


def ask(world: World, key: ECKey | RSAKey, **header: object) -> int:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": world.assertion("robot-service", key=key, header=header),
    }
    return world.http.post(f"{OIDC}/token", data=form).status_code


@pytest.fixture
def robot(world: World, outside: Outside) -> World:
    world.register(
        "robot-service",
        grant_types=("client_credentials",),
        scopes=("payments.read",),
        jwks=[],
        options=ClientOptions(jwks_uri=f"{outside.url}/jwks"),
    )
    return world


def test_a_client_proves_itself_with_a_key_from_its_address(robot: World, outside: Outside) -> None:
    outside.serve("/jwks", key_set(ec_key(number=1), rsa_key(1)))
    for key in (ec_key(number=1), rsa_key(1), ec_key(number=1)):
        assert ask(robot, key, kid=key.thumbprint()) == 200
    assert len(outside.sent) == 1, "the copy is used again"
    assert ask(robot, ec_key(number=2)) == 401


def test_an_unknown_kid_is_looked_for_and_a_known_one_is_not(
    robot: World, outside: Outside
) -> None:
    outside.serve("/jwks", key_set(ec_key(number=1)))
    assert ask(robot, ec_key(number=1), kid=ec_key(number=1).thumbprint()) == 200
    outside.serve("/jwks", key_set(ec_key(number=2), ec_key(number=1)))
    new = ec_key(number=2)
    assert ask(robot, new, kid=new.thumbprint()) == 200
    assert ask(robot, ec_key(number=1), kid=ec_key(number=1).thumbprint()) == 200
    assert len(outside.sent) == 2


def test_nobody_can_make_us_hammer_an_address(robot: World, outside: Outside) -> None:
    outside.serve("/jwks", key_set(ec_key(number=1)))
    for number in range(20):
        assert ask(robot, ec_key(number=2), kid=f"invented-{number}") == 401
    assert len(outside.sent) == 5


def test_an_outage_does_not_lock_a_client_out(robot: World, outside: Outside) -> None:
    key = ec_key(number=1)
    outside.serve("/jwks", key_set(key))
    assert ask(robot, key, kid=key.thumbprint()) == 200
    outside.serve("/jwks", "gone", status=503)
    assert ask(robot, ec_key(number=2), kid="another") == 401
    assert ask(robot, key, kid=key.thumbprint()) == 200


def test_no_transaction_is_open_while_an_address_is_asked(robot: World, outside: Outside) -> None:
    engine = robot.http.app.routes[-1].app.state.runtime.database.engine  # type: ignore[attr-defined]  # the test client holds our own app
    out: list[int] = []

    def reply(_sent: Sent) -> Reply:
        out.append(engine.pool.checkedout())
        return Reply(content=key_set(ec_key(number=1)).encode())

    outside.replies["/jwks"] = reply
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(str(call[2])))
    assert ask(robot, ec_key(number=1), kid=ec_key(number=1).thumbprint()) == 200
    assert out == [0]
    assert statements, "the client was read from the database"


def test_a_client_that_moves_its_keys_is_followed(robot: World, outside: Outside) -> None:
    outside.serve("/jwks", key_set(ec_key(number=1)))
    outside.serve("/elsewhere", key_set(ec_key(number=2)))
    keys = RemoteKeys(_LOCAL)
    for path in ("/jwks", "/elsewhere"):
        keys.load(f"{outside.url}{path}", None, signed=True)
    assert keys.known(f"{outside.url}/jwks")[0].thumbprint() == ec_key(number=1).thumbprint()
    assert keys.known(f"{outside.url}/elsewhere")[0].thumbprint() == ec_key(number=2).thumbprint()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("max-age=120", 120), ("public, max-age=5", 60), ("max-age=9999999", 86_400), ("", 3_600)],
)
def test_a_copy_lives_as_its_owner_says_within_a_day(
    outside: Outside, monkeypatch: pytest.MonkeyPatch, said: str, seconds: int
) -> None:
    url = outside.serve("/jwks", key_set(ec_key()), headers={"Cache-Control": said})
    keys, start = RemoteKeys(_LOCAL), time.monotonic()
    keys.load(url, None, signed=False)
    for after, asked in ((seconds - 2, 1), (seconds + 2, 2)):
        monkeypatch.setattr(
            "identity.oidc.client_keys.time.monotonic", lambda after=after: start + after
        )
        keys.load(url, None, signed=False)
        assert len(outside.sent) == asked


def test_keys_older_than_a_day_are_not_used(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = outside.serve("/jwks", key_set(ec_key()))
    keys = RemoteKeys(_LOCAL)
    keys.load(url, None, signed=False)
    assert keys.known(url)
    later = time.monotonic() + 86_401
    monkeypatch.setattr("identity.oidc.client_keys.time.monotonic", lambda: later)
    assert keys.known(url) == ()


def test_memory_is_bounded(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_keys, "_MOST_ADDRESSES", 3)
    keys = RemoteKeys(_LOCAL)
    for number in range(5):
        keys.load(outside.serve(f"/{number}", key_set(ec_key())), None, signed=False)
    assert keys.known(f"{outside.url}/0") == ()
    assert keys.known(f"{outside.url}/4")


def test_a_key_set_gives_its_usable_public_keys() -> None:
    okp = OKPKey.generate_key("Ed25519")
    document = json.loads(key_set(ec_key(), rsa_key(0), okp))
    document["keys"] += [
        {"kty": "oct", "k": "YW4gaW52ZW50ZWQgc2VjcmV0IG9mIG1hbnkgbGV0dGVycw"},
        {"kty": "NEW", "x": "y"},
        ec_key(number=3).as_dict(private=True),
        "nonsense",
    ]
    found = read_key_set(json.dumps(document).encode())
    assert [key.key_type for key in found] == ["EC", "RSA", "OKP"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"keys": 1}', b"{", json.dumps({"keys": [{}] * 31}).encode()]
)
def test_what_is_no_key_set_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="is not"):
        read_key_set(content)
