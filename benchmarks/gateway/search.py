"""Time of a catalogue search with 10,000 entries, against a plain ILIKE scan over the same rows.

Both sides take turns query by query in one run. The entries are the reference entries and copies
of them for invented places, so common words are as common as in a real catalogue. The scan is what
one would write first: every word must stand in the name, an alias or the summary. It tolerates no
misspelling and ranks by popularity, so the ratio is the price of finding more.

    python benchmarks/gateway/search.py [entries] [rounds]
"""

import random
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.database.roles import LOGINS, MIGRATOR, create_database
from deploy.local.postgres import temporary_server
from gateway.catalogue.actions import load_reference, save_entry
from gateway.catalogue.entry import Entry
from gateway.catalogue.reference import general_entries, synonyms
from gateway.catalogue.rules import terms_of
from gateway.catalogue.search import search_entries
from shared.db import Database, make_engine
from shared.migrate import upgrade

QUERIES = (
    "help with council tax",
    "school uniform",
    "concil tax reductoin",
    "my bucket was not emptied",
    "blue badge renewal",
    "hole in the road",
    "sgoil àraich",
    "recyling box",
    "home help for my mum",
    "libary card",
    "rats in my garden",
    "free bus over 60",
)
ILIKE = text(
    """
    SELECT e.slug FROM catalogue_entry e
     WHERE e.state = 'published' AND NOT EXISTS (
       SELECT FROM unnest(cast(:words AS text[])) AS word
        WHERE e.texts::text NOT ILIKE '%' || word || '%' AND NOT EXISTS (
          SELECT FROM catalogue_alias a
           WHERE a.entry_id = e.id AND a.alias ILIKE '%' || word || '%'))
     ORDER BY e.popularity DESC, e.slug LIMIT 10
    """
)
_TARGET_MS = 30.0


def fill(database: Database, count: int) -> None:
    """Publish the reference entries and copies for invented places until there are so many."""
    chance = random.Random(7)  # noqa: S311 - a sample, not a secret
    entries = general_entries()
    with database.transaction() as session:
        load_reference(session)
        for number in range(count - len(entries)):
            save_entry(session, copy_of(chance.choice(entries), number, chance))
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def copy_of(entry: Entry, number: int, chance: random.Random) -> Entry:
    """The same service in an invented place, with a third of the aliases."""
    parts = ("aber", "bal", "dun", "glen", "inver", "kil", "loch", "strath", "tor", "ach")
    ends = ("morlich", "barton", "keith", "ness", "gowan", "ferry", "lundie", "carron", "bervie")
    place = f"{chance.choice(parts)}{chance.choice(ends)} {number}"
    section = entry.section
    names = section.aliases.get("en", ())
    some = tuple(f"{name} {place}" for name in chance.sample(names, k=-(-len(names) // 3)))
    changes = {"name": {"en": f"{section.name['en']} in {place}"}, "aliases": {"en": some}}
    copied = section.model_copy(update={**changes, "popularity": chance.randrange(50)})
    return replace(entry, slug=f"{entry.slug}-{number}", section=copied)


def seconds(run: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def scan(session: Session, query: str) -> object:
    """The plain search."""
    return session.execute(ILIKE, {"words": list(terms_of(query, synonyms()).words)}).all()


def measure(database: Database, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of both sides, taking turns; the first round warms up."""
    ours: list[float] = []
    plain: list[float] = []
    with database.transaction() as session:
        for turn in range(rounds + 1):
            for query in QUERIES:
                mine = seconds(lambda query=query: search_entries(session, query))  # type: ignore[misc]  # bound now, called at once
                theirs = seconds(lambda query=query: scan(session, query))  # type: ignore[misc]  # bound now, called at once
                if turn:
                    ours.append(mine * 1000)
                    plain.append(theirs * 1000)
    return ours, plain


def main(count: int, rounds: int) -> None:
    """Set up a database of its own, fill it, and print the figures."""
    passwords = {role: secrets.token_hex(8) for role in LOGINS}
    with temporary_server() as server:
        create_database(server.url(), "bench", passwords)
        host = server.url().rsplit("@", 1)[1].rsplit("/", 1)[0]

        def url(role: str) -> str:
            return f"postgresql+psycopg://{role}:{passwords[role]}@{host}/bench"

        upgrade("gateway", url(MIGRATOR))
        database = Database(make_engine(url("gateway")))
        fill(database, count)
        ours, plain = measure(database, rounds)
        database.engine.dispose()
    p95 = statistics.quantiles(ours, n=20)[-1]
    ratio = statistics.median(ours) / statistics.median(plain)
    print(f"entries {count}, queries {len(ours)}")
    print(f"search  median {statistics.median(ours):6.1f} ms   p95 {p95:6.1f} ms")
    print(
        f"ILIKE   median {statistics.median(plain):6.1f} ms   "
        f"p95 {statistics.quantiles(plain, n=20)[-1]:6.1f} ms"
    )
    print(f"ratio of medians, search to ILIKE: {ratio:.2f}")
    print(f"goal p95 below {_TARGET_MS:.0f} ms: {'met' if p95 < _TARGET_MS else 'MISSED'}")


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    main(*(numbers + [10_000, 20][len(numbers) :])[:2])
