"""Rotation by the clock, by the API and by command; no token is refused because of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import Key
from sqlalchemy import text

from identity.keys.actions import ensure_keys, rotate_keys, tend_keys
from identity.keys.commands import rotate as rotate_command
from identity.keys.queries import list_keys, load_key_ring
from identity.keys.rules import KEPT, OVERLAP
from identity.keys.tasks import TEND_TOPIC, plan_tending, tend_with
from identity.relying_parties.profiles import PROFILES
from shared import clock
from shared.actors import SYSTEM
from shared.outbox import Job
from shared.tokens import TokenVerifier
from tests.identity.oidc.world import OIDC, PUBLIC_URL, SECRET, World, decode

DAY = timedelta(days=1)
KEY_SET_SECONDS = 300


def test_the_overlap_is_longer_than_any_token_and_any_copy_of_the_keys() -> None:
    for profile in PROFILES.values():
        longest = max(profile.access_token_seconds, profile.id_token_seconds)
        assert timedelta(seconds=longest + KEY_SET_SECONDS) < OVERLAP


def tend(world: World, days: int, now: datetime) -> list[str]:
    with world.database.transaction() as session:
        return tend_keys(session, world.sealer, days, now)


def states(world: World) -> list[str]:
    with world.database.transaction() as session:
        return sorted(key.state for key in list_keys(session) if key.algorithm == "ES256")


def test_keys_rotate_when_they_signed_for_long_enough(world: World) -> None:
    start = clock.now()
    assert tend(world, 90, start + 89 * DAY) == []
    assert states(world) == ["active", "next"]
    active = tend(world, 90, start + 91 * DAY)
    assert active
    assert states(world) == ["active", "next", "retiring"]
    assert tend(world, 90, start + 92 * DAY) == []
    tend(world, 90, start + 91 * DAY + OVERLAP)
    assert states(world) == ["active", "next", "retired"]
    tend(world, 0, start + 91 * DAY + OVERLAP + KEPT)
    assert states(world) == ["active", "next"]


def test_nought_days_switch_rotation_off_and_seven_make_it_weekly(world: World) -> None:
    start = clock.now()
    assert tend(world, 0, start + 1000 * DAY) == []
    for week in range(1, 4):
        assert tend(world, 7, start + (7 * week) * DAY + timedelta(hours=1)), week


def test_the_job_tends_and_plans_the_next_one_once(world: World) -> None:
    world.execute("UPDATE signing_key SET activated_at = activated_at - interval '100 days'")
    for _ in range(2):
        job = Job(1, TEND_TOPIC, {"slot": 1}, 1, world.database, world.settings)
        tend_with(job, world.sealer, 90)
        with world.database.transaction() as session:
            plan_tending(session, clock.now())
    assert states(world) == ["active", "next", "retiring"]
    assert world.scalar("SELECT count(*) FROM outbox WHERE topic = :t", t=TEND_TOPIC) == 1


def test_the_command_rotates(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("identity.keys.commands.get_settings", lambda: world.settings)
    rotate_command([])
    said = capsys.readouterr().out.split()
    with world.database.transaction() as session:
        active = [key.kid for key in list_keys(session) if key.state == "active"]
    assert set(active) <= set(said)


class OwnKeys:
    """The published keys, read where a service would fetch them."""

    def __init__(self, world: World) -> None:
        self.world = world

    def find(self, kid: str) -> Key | None:
        with self.world.database.transaction() as session:
            ring = load_key_ring(session, self.world.sealer)
        found = ring.find(kid) if ring else None
        return found.public if found else None


@pytest.fixture
def operator(world: World) -> World:
    world.register(
        "identity-operator",
        grant_types=("client_credentials",),
        scopes=("identity.admin",),
        auth_method="client_secret_post",
    )
    runtime = world.http.app.routes[-1].app.state.runtime  # type: ignore[attr-defined]  # the test client holds our own app
    runtime.tokens = TokenVerifier(OIDC, PUBLIC_URL, OwnKeys(world))  # type: ignore[arg-type]  # a double, or a value that the test chose
    return world


def token_of(world: World) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": "identity-operator",
        "client_secret": SECRET,
    }
    return str(world.http.post(f"{OIDC}/token", data=form).json()["access_token"])


def ask(world: World, method: str, path: str, **headers: str) -> Any:
    bearer = {"Authorization": f"Bearer {token_of(world)}"} | headers
    return world.http.request(method, f"/identity/v1/{path}", headers=bearer)


def test_an_operators_program_rotates_once_for_each_key(operator: World) -> None:
    before = ask(operator, "GET", "keys").json()["keys"]
    first = ask(operator, "POST", "keys/rotate", **{"Idempotency-Key": "spring-1"})
    again = ask(operator, "POST", "keys/rotate", **{"Idempotency-Key": "spring-1"})
    assert first.status_code == 200
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    after = ask(operator, "GET", "keys").json()["keys"]
    assert len(after) == len(before) + len(first.json()["active"])
    assert {key["kid"] for key in after if key["state"] == "active"} == set(first.json()["active"])
    retiring = [key for key in after if key["state"] == "retiring"]
    assert retiring
    assert all(key["published_until"] > key["retiring_at"] for key in retiring)
    actor = operator.scalar("SELECT actor_id FROM audit_event WHERE action LIKE '%keys.rotated'")
    assert actor == "identity-operator"


def test_the_api_shows_no_private_part(operator: World) -> None:
    answer = ask(operator, "GET", "keys")
    members = {"kid", "algorithm", "state", "created_at", "activated_at", "retiring_at"}
    assert set(answer.json()["keys"][0]) == members | {"published_until"}


def test_without_the_scope_nothing_is_rotated(operator: World) -> None:
    operator.execute("UPDATE relying_party SET scopes = '{payments.read}'")
    answer = ask(operator, "POST", "keys/rotate", **{"Idempotency-Key": "spring-2"})
    assert answer.status_code == 403
    assert operator.http.post("/identity/v1/keys/rotate").status_code == 401
    assert states(operator) == ["active", "next"]


@pytest.mark.committed
def test_under_load_no_token_is_refused_while_keys_rotate(operator: World) -> None:
    """Two processes: one signs, the other checks at once; keys rotate meanwhile."""
    checker = World.create(
        operator.database,
        operator.settings.database_url,
        operator.settings.encryption_key_file,
    )
    kids: set[object] = set()

    def work(number: int) -> int:
        if number % 50 == 25:
            with operator.database.transaction() as session:
                rotate_keys(session, operator.sealer, SYSTEM, clock.now())
        token = token_of(operator if number % 2 else checker)
        kids.add(decode(token)[0]["kid"])
        other = checker if number % 2 else operator
        form = {"token": token, "client_id": "identity-operator", "client_secret": SECRET}
        return int(bool(other.http.post(f"{OIDC}/introspect", data=form).json().get("active")))

    with ThreadPoolExecutor(6) as pool:
        good = list(pool.map(work, range(150)))
    checker.close()
    assert good == [1] * 150


def test_a_key_of_another_process_is_known_at_once(operator: World) -> None:
    token_of(operator)
    other = World.create(
        operator.database,
        operator.settings.database_url,
        operator.settings.encryption_key_file,
    )
    with operator.database.transaction() as session:
        for _ in range(2):
            # After two rotations a key signs that the first process never saw as its next one.
            active = rotate_keys(session, operator.sealer, SYSTEM, clock.now())
    operator.execute("SELECT pg_sleep(0.25)")
    token = token_of(other)
    assert decode(token)[0]["kid"] in active
    form = {"token": token, "client_id": "identity-operator", "client_secret": SECRET}
    assert operator.http.post(f"{OIDC}/introspect", data=form).json()["active"] is True
    other.close()


def test_keys_are_made_before_the_first_look(world: World) -> None:
    world.execute("DELETE FROM signing_key")
    with world.database.transaction() as session:
        ensure_keys(session, world.sealer, clock.now())
        assert session.execute(text("SELECT count(*) FROM signing_key")).scalar_one() > 0
    assert tend(world, 90, clock.now()) == []
