"""What the database holds, how many statements it takes, and that tables stay bounded."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import TextClause, event, text

from identity.oidc.flows import get_flow
from identity.oidc.tasks import FORGET_TOPIC, forget, plan_forgetting
from shared import clock
from shared.outbox import Job
from shared.quick import Quick, QuickRows
from tests.identity.oidc.world import ASSERTION_TYPE, CALLBACK, OIDC, SECRET, World, b64


def dump(world: World) -> bytes:
    """Return every row of every table of the schema as text."""
    with world.database.transaction() as session:
        tables = session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'identity'")
        ).scalars()
        rows = [
            str(row)
            for table in tables.all()
            for row in session.execute(text(f"SELECT t.*, t::text FROM identity.{table} t"))
        ]
    return "\n".join(rows).encode()


def test_nothing_that_was_issued_can_be_read_from_the_database(world: World) -> None:
    world.register()
    world.register("secret-client", auth_method="client_secret_basic")
    person = world.sign_in()
    code = world.code()
    unused = world.code()
    assertion = world.assertion()
    tokens = world.redeem(code, client_assertion=assertion).json()
    again = world.refresh(tokens["refresh_token"]).json()
    flow = world.authorize(prompt="consent")
    browser = flow.cookies["clachan-browser"]
    content = dump(world)
    assert b"council-client" in content, "the dump is not empty"
    issued = {
        code,
        unused,
        person.cookie,
        browser,
        SECRET,
        world.verifier,
        assertion,
        tokens["refresh_token"],
        again["refresh_token"],
        *(tokens[name] for name in ("access_token", "id_token")),
        *(again[name] for name in ("access_token", "id_token")),
    }
    for value in issued:
        for form in (value, value.encode().hex(), b64(value.encode())):
            assert form.encode() not in content
    for private in (b'"d":', b"PRIVATE KEY", b"'d':"):
        assert private not in content


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """Collect the statements that the application sends."""
    engine = world.http.app.routes[-1].app.state.runtime.database.engine  # type: ignore[attr-defined]  # the test client holds our own app
    seen: list[str] = []

    def note(*call: object) -> None:
        seen.append(str(call[2]))

    run = Quick.execute

    def execute(quick: Quick, statement: TextClause, params: dict[str, object], /) -> QuickRows:
        seen.append(statement.text)
        return run(quick, statement, params)

    event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Quick, "execute", execute)
            yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_the_hot_paths_keep_their_number_of_statements(world: World) -> None:
    """Section 9.4: 0, 2, 1 and 1."""
    world.register()
    world.register(
        "robot-service",
        grant_types=("client_credentials",),
        scopes=("payments.read",),
        auth_method="client_secret_post",
    )
    world.sign_in()
    form = {
        "grant_type": "client_credentials",
        "client_id": "robot-service",
        "client_secret": SECRET,
    }
    world.tokens()
    world.http.post(f"{OIDC}/token", data=form)  # now the caches are full
    with counted(world) as statements:
        code = world.code()
    assert len(statements) == 2
    with counted(world) as statements:
        tokens = world.redeem(code).json()
    assert len(statements) == 1
    with counted(world) as statements:
        world.refresh(tokens["refresh_token"])
    assert len(statements) == 1
    with counted(world) as statements:
        assert world.http.post(f"{OIDC}/token", data=form).status_code == 200
    assert statements == []


def test_a_service_with_a_key_costs_the_one_statement_of_its_jti(world: World) -> None:
    world.register("robot-service", grant_types=("client_credentials",), scopes=("payments.read",))
    for _ in range(2):
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": world.assertion("robot-service"),
        }
        with counted(world) as statements:
            assert world.http.post(f"{OIDC}/token", data=form).status_code == 200
    assert len(statements) == 1


@pytest.mark.committed
def test_what_has_expired_is_forgotten_and_the_rest_stays(client_world: World) -> None:
    world = client_world
    expired = ("flow", "authorisation", "used_assertion", "used_proof", "pushed_request")
    world.tokens()
    world.execute("INSERT INTO used_proof (proof_hash, expires_at) VALUES ('x', now())")
    form = {
        "client_id": "council-client",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": world.assertion(),
    }
    assert world.http.post(f"{OIDC}/par", data=form).status_code == 201
    world.authorize(prompt="consent")
    for table in expired:
        world.execute(f"UPDATE {table} SET expires_at = now() - interval '1 second'")
    kept = world.tokens()
    kept_flow = world.authorize(prompt="consent").headers["location"].partition("flow=")[2]
    job = Job(1, FORGET_TOPIC, {"slot": 1}, 1, world.database, world.settings)
    forget(job)
    for table in expired:
        assert world.scalar(f"SELECT count(*) FROM {table} WHERE expires_at < now()") == 0
    assert world.refresh(kept["refresh_token"]).status_code == 200
    with world.database.transaction() as session:
        assert str(get_flow(session, kept_flow, clock.now()).id) == kept_flow  # type: ignore[arg-type]  # a double, or a value that the test chose
    waiting = world.scalar(
        "SELECT count(*) FROM outbox WHERE topic = :topic AND due_at > now()", topic=FORGET_TOPIC
    )
    assert waiting == 1


def test_planning_twice_is_one_clean_up(client_world: World) -> None:
    now = clock.now()
    for _ in range(3):
        with client_world.database.transaction() as session:
            plan_forgetting(session, now)
    assert client_world.scalar("SELECT count(*) FROM outbox WHERE topic = :t", t=FORGET_TOPIC) == 1
