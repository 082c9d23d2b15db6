"""What is true after a story: the services' tables, the bank's own books, the mails that came."""

import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from deploy.database.roles import SERVICES
from payments.ledger.queries import list_faults
from tests.faults.killing import admin_url
from tests.support.story import Citizen

BODY = "strathclachan"
GRANT_PENCE = 25_000
_UNDONE = """
SELECT '{service}', topic, attempt, dead_at IS NOT NULL, last_error, lease_until > now()
  FROM {service}.outbox
 WHERE done_at IS NULL AND (dead_at IS NOT NULL OR attempt > 0 OR due_at <= clock_timestamp())
"""
_CASE = {
    "instance": "SELECT count(*) FROM gateway.instance i WHERE reference = %(ref)s"
    " AND state = 'completed'",
    "submitted": "SELECT count(*) FROM gateway.instance_event e JOIN gateway.instance i"
    " ON i.id = e.instance_id WHERE reference = %(ref)s AND move = 'submit'",
    "decision": "SELECT count(*) FROM gateway.decision d JOIN gateway.instance i"
    " ON i.id = d.instance_id WHERE reference = %(ref)s",
    "payout": "SELECT count(*) FROM gateway.payout p JOIN gateway.instance i"
    " ON i.id = p.instance_id WHERE reference = %(ref)s",
    "letter": "SELECT count(*) FROM gateway.letter p JOIN gateway.instance i"
    " ON i.id = p.instance_id WHERE reference = %(ref)s",
    "payment": "SELECT count(*) FROM payments.payment WHERE case_reference = %(ref)s",
    "mailbox": "SELECT count(*) FROM notifications.mailbox m JOIN gateway.instance i"
    " ON i.subject = m.subject WHERE reference = %(ref)s",
    "mailbox letter": "SELECT count(*) FROM notifications.mailbox_message l"
    " JOIN notifications.mailbox m ON m.id = l.mailbox_id JOIN gateway.instance i"
    " ON i.subject = m.subject WHERE reference = %(ref)s AND l.state = 'published'",
}
_POSTED = """
SELECT e.event_type, count(*) FROM payments.entry e JOIN payments.payment p
    ON e.event_id = p.id::text OR e.event_id LIKE p.id::text || '/%%'
 WHERE p.case_reference = %(ref)s GROUP BY 1
"""
_TWICE = {
    "submission of a run": "SELECT run_id FROM payments.submission GROUP BY 1"
    " HAVING count(*) FILTER (WHERE state NOT IN ('refused')) > 1",
    "correlation of a case": "SELECT i.reference FROM gateway.instance i"
    " JOIN payments.payment p ON p.case_reference = i.reference"
    " WHERE p.correlation_id <> i.correlation_id",
}


@dataclass
class Truth:
    """Looks past every service at what is stored."""

    home: Path

    def ask(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """Return what a statement reads from the platform's database."""
        with psycopg.connect(admin_url(self.home), autocommit=True) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def undone(self) -> list[tuple[object, ...]]:
        """Return the work that is dead, being tried again, or due and not done."""
        return self.ask(" UNION ALL ".join(_UNDONE.format(service=name) for name in SERVICES))

    def wait_until_done(self, timeout_seconds: float = 90) -> None:
        """Wait until no work is left; a dead piece of work never is.

        The database may be what was killed: it is asked again then.
        """
        end = time.monotonic() + timeout_seconds
        while (left := self._go_on()) != []:
            assert time.monotonic() < end, f"undone: {left}"
            time.sleep(0.5)

    def _go_on(self) -> list[tuple[object, ...]] | None:
        """Return what is undone, None while the database does not answer."""
        try:
            left = self.undone()
            assert not any(row[3] for row in left), f"dead: {left}"
            if left:
                self._end_leases_of_the_dead()
        except psycopg.OperationalError:
            return None
        return left

    def _end_leases_of_the_dead(self) -> None:
        """Let what a killed worker held be taken over now, which else waits for up to 5 minutes.

        Only leases of a minute ago: a worker that lives has long done its work by then.
        """
        for service in SERVICES:
            with psycopg.connect(admin_url(self.home), autocommit=True) as connection:
                connection.execute(
                    f"UPDATE {service}.outbox SET lease_until = now() WHERE done_at IS NULL"
                    " AND lease_until > now() AND published_at < now() - interval '30 s'".encode()
                )

    def figures(self, reference: str) -> dict[str, int]:
        """Return how often each thing of a case is there: once, each of them."""
        return {name: int(str(self.ask(sql, ref=reference)[0][0])) for name, sql in _CASE.items()}

    def at_bank(self, reference: str) -> list[tuple[int, str]]:
        """Return pence and fate of each credit with a reference in the bank's own books."""
        with closing(sqlite3.connect(self.home / "simulators" / "bank.sqlite3")) as books:
            rows = books.execute(
                "SELECT i.pence, i.status FROM item i JOIN submission s ON s.id = i.submission"
                " WHERE i.reference = ? AND s.status = 'accepted'",
                (reference,),
            ).fetchall()
        return [(int(pence), str(status)) for pence, status in rows]

    def states(self, reference: str) -> tuple[object, object]:
        """Return where a case's payment stands: for finance, and for the citizen."""
        (finance,) = self.ask(
            "SELECT state FROM payments.payment WHERE case_reference = %(ref)s", ref=reference
        )
        (citizen,) = self.ask(
            "SELECT p.state FROM gateway.payout p JOIN gateway.instance i"
            " ON i.id = p.instance_id WHERE reference = %(ref)s",
            ref=reference,
        )
        return finance[0], citizen[0]

    def ledger_faults(self) -> list[str]:
        """Return what is wrong with the books of the body that pays."""
        url = admin_url(self.home).replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url, connect_args={"options": "-c search_path=payments"})
        with Session(engine) as session:
            faults = list_faults(session, BODY)
        engine.dispose()
        return faults

    def doubled(self) -> dict[str, list[tuple[object, ...]]]:
        """Return what must not be there twice, or with two stories."""
        found = {name: self.ask(statement) for name, statement in _TWICE.items()}
        return {name: rows for name, rows in found.items() if rows}


def assert_once(truth: Truth, citizen: Citizen) -> None:
    """Fail unless a citizen's story is complete, and every part of it happened once only."""
    reference = citizen.reference
    figures = truth.figures(reference)
    assert figures == dict.fromkeys(figures, 1), figures
    at_bank = truth.at_bank(reference)
    assert at_bank == [(GRANT_PENCE, "applied")], at_bank
    assert truth.states(reference) == ("paid", "paid")
    posted = dict(truth.ask(_POSTED, ref=reference))
    assert posted
    assert set(posted.values()) == {1}, posted
    assert truth.ledger_faults() == []
    assert truth.doubled() == {}
    assert_mails(truth, citizen)


def assert_mails(truth: Truth, citizen: Citizen) -> None:
    """Fail when an email came twice without being marked, or more than one did."""
    mails = citizen.inbox.mails(citizen.email)
    names = Counter(str(dict(mail["headers"])["Message-ID"]) for mail in mails)  # type: ignore[call-overload]  # another shape would fail the test
    doubles = sum(names.values()) - len(names)
    (marked,) = truth.ask("SELECT count(*) FROM notifications.message WHERE possible_duplicate")
    assert doubles <= min(1, int(str(marked[0]))), names
    alerts = {
        str(dict(mail["headers"])["Message-ID"])  # type: ignore[call-overload]  # another shape would fail the test
        for mail in mails
        if not mail["code"] and "/notifications/" in str(mail["text"])
    }
    assert len(alerts) == 1, [mail["subject"] for mail in mails]
