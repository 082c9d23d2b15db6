from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy.orm import Session

from identity.accounts import limits
from shared import clock
from shared.db import Database

WINDOW = timedelta(minutes=30)


def test_tries_are_numbered_and_the_last_allowed_one_starts_the_pause(
    identity_session: Session,
) -> None:
    now = clock.now()
    numbers = [
        limits.take(identity_session, b"k", 3, WINDOW, now + timedelta(minutes=minute))
        for minute in (0, 10, 20)
    ]
    assert numbers == [1, 2, 3]
    # The pause runs from the third try, and trying on does not make it longer.
    assert limits.take(identity_session, b"k", 3, WINDOW, now + timedelta(minutes=45)) == 4
    assert limits.take(identity_session, b"k", 3, WINDOW, now + timedelta(minutes=51)) == 1


def test_success_forgets_the_tries_of_its_own_counter_only(identity_session: Session) -> None:
    now = clock.now()
    for key in (b"a", b"a", b"b"):
        limits.take(identity_session, key, 5, WINDOW, now)
    limits.clear(identity_session, b"a")
    assert limits.take(identity_session, b"a", 5, WINDOW, now) == 1
    assert limits.take(identity_session, b"b", 5, WINDOW, now) == 2


def test_ended_windows_are_deleted(identity_session: Session) -> None:
    now = clock.now()
    limits.take(identity_session, b"old", 5, WINDOW, now - timedelta(hours=2))
    limits.take(identity_session, b"new", 5, WINDOW, now)
    assert limits.forget_ended(identity_session, now) == 1


def test_simultaneous_tries_get_different_numbers(identity_database: Database) -> None:
    now = clock.now()

    def take(_: int) -> int:
        with identity_database.transaction() as session:
            return limits.take(session, b"race", 5, WINDOW, now)

    with ThreadPoolExecutor(16) as pool:
        numbers = sorted(pool.map(take, range(16)))
    assert numbers == list(range(1, 17))
