"""`python -m <service> dead-work [retry ID …]`: work that failed for good waits for a person."""

import argparse
from collections.abc import Callable, Sequence

from sqlalchemy import text

from shared.db import Database, make_engine
from shared.errors import NotFound
from shared.settings import ServiceSettings

Command = Callable[[Sequence[str]], None]
_LIST = text(
    "SELECT id, topic, key, attempt, dead_at, last_error, correlation_id FROM outbox"
    " WHERE dead_at IS NOT NULL AND done_at IS NULL ORDER BY id"
)
_REVIVE = text(
    "UPDATE outbox SET dead_at = NULL, attempt = 0, due_at = now(), published_at = NULL,"
    " published_count = 0, lease_until = NULL"
    " WHERE id = ANY(:ids) AND dead_at IS NOT NULL AND done_at IS NULL RETURNING id"
)


def dead_work_command(
    get_settings: Callable[[], ServiceSettings],
) -> Callable[[Sequence[str]], None]:
    """Return the command of a service: lists dead work, or has some of it tried again."""

    def command(arguments: Sequence[str]) -> None:
        parser = argparse.ArgumentParser(prog="dead-work")
        parser.add_argument("retry", nargs="?", choices=["retry"])
        parser.add_argument("ids", nargs="*", type=int)
        given = parser.parse_args(list(arguments))
        database = Database(make_engine(get_settings().database_url, pool_size=1))
        if given.retry:
            print(f"{revive(database, given.ids)} will be tried again")
        else:
            for line in list_dead(database):
                print(line)
        database.engine.dispose()

    return command


def list_dead(database: Database) -> list[str]:
    """Return one line for each dead row: id, topic, tries, when, why, and the story's id."""
    with database.transaction() as session:
        rows = session.execute(_LIST).all()
    return [
        f"{row.id} {row.topic} {row.attempt} tries, dead since {row.dead_at:%Y-%m-%d %H:%M}:"
        f" {row.last_error} (story {row.correlation_id})"
        for row in rows
    ] or ["nothing is dead"]


def revive(database: Database, ids: Sequence[int]) -> int:
    """Have dead rows tried anew; refuses when one of the ids is no dead row, and then does none."""
    with database.transaction() as session:
        found = session.execute(_REVIVE, {"ids": list(ids)}).scalars().all()
        if missing := sorted(set(ids) - set(found)):
            raise NotFound("no_dead_work", f"No dead work with the id {missing[0]}")
    return len(found)
