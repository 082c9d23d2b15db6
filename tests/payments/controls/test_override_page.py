"""Where everything asks for a second factor, releasing a hold does too."""

from collections.abc import Callable

from sqlalchemy import text

from shared import clock
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import UNA, World

Open = Callable[..., Console]


def test_a_hold_is_released_after_a_fresh_sign_in_only(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        held = world.create(session, check_id=None)
        session.execute(text("UPDATE body SET step_up = 'all'"))
    path = f"/payments/payments/{held.payment_id}"
    una = console(UNA)
    una.get(path)
    answer = una.client.post(
        f"{path}/release-hold",
        data={"csrf_token": una.hidden("csrf_token"), "reason": "Seen the card"},
        follow_redirects=False,
    )
    assert answer.headers["location"].startswith("/payments/step-up?")
    with database.transaction() as session:
        assert session.execute(text("SELECT state FROM payment")).scalar_one() == "held"
    una = console(UNA, auth_time=int(clock.now().timestamp()), acr="medium")
    una.get(path)
    una.post(f"{path}/release-hold", reason="Seen the card")
    with database.transaction() as session:
        assert session.execute(text("SELECT state FROM payment")).scalar_one() == "ready"
