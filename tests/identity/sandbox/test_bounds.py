"""Orders are used once each, however many flows begin at once, and nothing of them stays."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from identity.oidc.tasks import FORGET_TOPIC, forget
from identity.sandbox.actions import order, take_order
from shared import clock
from shared.actors import SYSTEM
from shared.outbox import Job
from tests.identity.oidc.world import World

THREADS = 16


def place_order(world: World, uses: int) -> None:
    with world.database.transaction() as session:
        order(
            session,
            "personas-oidc",
            SYSTEM,
            persona="failed",
            faults=(),
            uses=uses,
            state=None,
            now=clock.now(),
        )


@pytest.mark.committed
@pytest.mark.parametrize("uses", [1, 3])
def test_sixteen_flows_at_once_use_an_order_no_more_often_than_ordered(
    world: World, uses: int
) -> None:
    place_order(world, uses)
    barrier = Barrier(THREADS)

    def take(_number: int) -> str | None:
        barrier.wait()
        with world.database.transaction() as session:
            return take_order(session, "personas-oidc", None, clock.now())[0]

    with ThreadPoolExecutor(THREADS) as pool:
        taken = list(pool.map(take, range(THREADS)))
    assert taken.count("failed") == uses
    assert world.scalar("SELECT uses_left FROM sandbox_plan") == 0


@pytest.mark.committed
def test_old_orders_and_waits_are_forgotten(world: World) -> None:
    place_order(world, 5)
    place_order(world, 5)
    world.execute(
        "UPDATE sandbox_plan SET expires_at = :then WHERE id = (SELECT min(id::text)::uuid"
        " FROM sandbox_plan)",
        then=clock.now() - timedelta(seconds=1),
    )
    world.execute(
        "INSERT INTO sandbox_wait (flow_id, expires_at) VALUES"
        " (gen_random_uuid(), now() - interval '1 second'),"
        " (gen_random_uuid(), now() + interval '1 day')"
    )
    forget(Job(1, FORGET_TOPIC, {"slot": 1}, 1, world.database, world.settings))
    assert world.scalar("SELECT count(*) FROM sandbox_plan") == 1
    assert world.scalar("SELECT count(*) FROM sandbox_wait") == 1
