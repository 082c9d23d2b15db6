"""Finding payments among millions: every meaning is a read by its own index, bounded and merged."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reports.search.rules import Filters, Meanings
from payments.runs.queries.payments import Payment, list_payments_by_id

LATEST = UUID(int=2**128 - 1)
_COLUMN_WORDS = "(p.payee_name || ' ' || p.reference || ' ' || coalesce(p.case_reference, ''))"
# Few payments are in one of these at a time; an index of their own finds them.
RARE_STATES = ("held", "returned", "scheme_rejected", "recalled", "invalid", "rejected")


def find_payments(
    session: Session,
    organisation: str,
    meanings: Meanings | None,
    fingerprint: bytes | None,
    filters: Filters,
    *,
    before: UUID = LATEST,
    limit: int = 50,
) -> list[Payment]:
    """Return a body's payments that any meaning of the words fits, newest id first.

    ``meanings`` of None is a search without words. ``before`` is the id of the last payment of the
    page before; nothing is counted and no page is skipped, so each page costs the same.
    """
    values: dict[str, Any] = {"organisation": organisation, "before": before, "limit": limit}
    own = " AND ".join(["p.id < :before", *_own_conditions(filters, values)])
    runs = _run_conditions(filters, values)
    branches = (
        [_plain(own, runs, filters)]
        if meanings is None
        else [
            f"SELECT p.id FROM payment p WHERE p.organisation = :organisation AND {own}"
            f" AND {condition}{_in_runs(runs, filters)} ORDER BY p.id DESC LIMIT :limit"
            for condition in _meaning_conditions(meanings, fingerprint, values)
        ]
    )
    if not branches:
        return []
    union = " UNION ".join(f"({branch})" for branch in branches)
    statement = text(f"SELECT id FROM ({union}) found ORDER BY id DESC LIMIT :limit")
    ids = list(session.execute(statement, values).scalars())
    return list_payments_by_id(session, ids)


def list_extras(session: Session, ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    """Return the invoice and the GL code of payments, by their ids."""
    rows = session.execute(
        text("SELECT id, invoice_reference, gl_code FROM payment WHERE id = ANY (:ids)"),
        {"ids": list(ids)},
    )
    return {row.id: (row.invoice_reference, row.gl_code) for row in rows}


def _plain(own: str, runs: str, filters: Filters) -> str:
    """Return the search without words: run by run where it is about runs, so that none is read."""
    if not filters.of_runs:
        return (
            f"SELECT p.id FROM payment p WHERE p.organisation = :organisation AND {own}"
            " ORDER BY p.id DESC LIMIT :limit"
        )
    return (
        "SELECT one.id FROM run r CROSS JOIN LATERAL (SELECT p.id FROM payment p"
        f" WHERE p.run_id = r.id AND {own} ORDER BY p.id DESC LIMIT :limit) one"
        f" WHERE {runs} ORDER BY one.id DESC LIMIT :limit"
    )


def _in_runs(runs: str, filters: Filters) -> str:
    return f" AND p.run_id IN (SELECT r.id FROM run r WHERE {runs})" if filters.of_runs else ""


def _own_conditions(filters: Filters, values: dict[str, Any]) -> list[str]:
    conditions: list[str] = []
    if filters.states:
        # Written out, so that the planner sees that the index of rare states will do.
        if set(filters.states) <= set(RARE_STATES):
            conditions.append("p.rare_state IS NOT NULL")
        conditions.append("p.state = ANY (:states)")
        values["states"] = list(filters.states)
    if filters.lowest_pence is not None:
        conditions.append("p.amount_pence >= :lowest")
        values["lowest"] = filters.lowest_pence
    if filters.highest_pence is not None:
        conditions.append("p.amount_pence <= :highest")
        values["highest"] = filters.highest_pence
    return conditions


def _run_conditions(filters: Filters, values: dict[str, Any]) -> str:
    conditions = ["r.organisation = :organisation"]
    if filters.programme:
        conditions.append(
            "r.programme_id = (SELECT g.id FROM programme g"
            " WHERE g.organisation = :organisation AND g.slug = :programme)"
        )
        values["programme"] = filters.programme
    if filters.first_day is not None:
        conditions.append("r.run_date >= :first_day")
        values["first_day"] = filters.first_day
    if filters.last_day is not None:
        conditions.append("r.run_date <= :last_day")
        values["last_day"] = filters.last_day
    return " AND ".join(conditions)


def _meaning_conditions(
    meanings: Meanings, fingerprint: bytes | None, values: dict[str, Any]
) -> list[str]:
    conditions: list[str] = []

    def add(condition: str, **more: object) -> None:
        conditions.append(condition)
        values.update(more)

    if meanings.public_id:
        add("p.public_id = :public_id", public_id=meanings.public_id)
    if fingerprint is not None:
        add("p.account_fingerprint = :fingerprint", fingerprint=fingerprint)
    if meanings.account_tail:
        add("p.account_tail = :tail", tail=meanings.account_tail)
    if meanings.amount_pence is not None:
        add("p.amount_pence = :amount", amount=meanings.amount_pence)
    if meanings.run_reference:
        add(
            "p.run_id = (SELECT r.id FROM run r WHERE r.organisation = :organisation"
            " AND r.reference = :run_reference)",
            run_reference=meanings.run_reference,
        )
    if meanings.words:
        escaped = meanings.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        add(f"{_COLUMN_WORDS} ILIKE :like", like=f"%{escaped}%")
        add("p.invoice_reference <> '' AND p.invoice_reference = :invoice", invoice=meanings.words)
    return conditions


def describe(filters: Filters, words: str, meanings: Meanings | None) -> Mapping[str, str]:
    """Return a search as the audit may keep it: an account number only by its last digits."""
    shown = f"account ending {words[-4:]}" if meanings and meanings.account_digits else words
    return {
        "words": shown,
        "states": ", ".join(filters.states),
        "programme": filters.programme,
        "from": filters.first_day.isoformat() if filters.first_day else "",
        "to": filters.last_day.isoformat() if filters.last_day else "",
        "lowest_pence": "" if filters.lowest_pence is None else str(filters.lowest_pence),
        "highest_pence": "" if filters.highest_pence is None else str(filters.highest_pence),
    }
