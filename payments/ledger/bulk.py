"""Posting by shards: many entries of one shape in a handful of statements, whatever their number.

What is posted is a **plan**: a query that gives a row for each entry. Entries and postings are made
from it inside the database, so nothing of them travels. The rules are those of ``post_entries``:
the same ids of events, the same hash of their content, a replay is no second posting, and an event
that is booked with other content is a conflict that names the field (ledger contract 1.5 and 2).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from uuid import UUID

from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.ledger import rules
from payments.ledger.places import find_account_ids, find_period_ids
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id

_MILLISECOND_AND_VERSION = 80
_LINES = 2  # of each entry of a plan


@dataclass(frozen=True)
class Leg:
    """One shape of entry in a plan: its event, and the accounts debited and credited."""

    event_type: str
    debit: str
    credit: str


# A plan names its rows: n (1, 2, 3 ...), source (a UUIDv7), leg (1, 2 ...: which of the legs),
# pence (negative in a reversal, which mirrors so), event_id, day and the same as text (which is
# dear to make for each row), period, refers_to.
_APPROVED = """
    SELECT row_number() OVER (ORDER BY p.id) AS n, p.id AS source,
           CASE WHEN p.replaces IS NULL THEN 1 ELSE 2 END AS leg, p.amount_pence AS pence,
           p.id::text || :suffix AS event_id, cast(:day AS date) AS day, :day_text AS day_text,
           cast(:period AS uuid) AS period, cast(NULL AS uuid) AS refers_to
      FROM payment p
     WHERE p.run_id = :run AND p.id BETWEEN :first AND :last AND p.state = 'awaiting_approval'
"""
_RECALLED = """
    SELECT row_number() OVER (ORDER BY p.id) AS n, p.id AS source,
           CASE e.event_type WHEN 'payment.approved' THEN 1 ELSE 2 END AS leg,
           -o.amount AS pence, e.event_id, cast(:day AS date) AS day, :day_text AS day_text,
           cast(:period AS uuid) AS period, e.id AS refers_to
      FROM {payments} p
      JOIN entry e ON e.body = :body AND e.event_id = p.id::text || :suffix
       AND e.event_type IN ('payment.approved', 'payment.reissued') AND e.rule_version = 1
      JOIN posting o ON o.entry_id = e.id AND o.line_no = 1
     WHERE NOT EXISTS (SELECT 1 FROM entry r WHERE r.refers_to = e.id AND r.kind = 'reversal'
                       AND r.batch_id <> :batch)
"""
_RECALLED_SHARD = _RECALLED.format(
    payments="(SELECT id FROM payment WHERE run_id = :run AND id BETWEEN :first AND :last)"
)
_RECALLED_ITEMS = _RECALLED.format(payments="(SELECT unnest(cast(:payments AS uuid[])) AS id)")
_ITEMS = """
    SELECT i.n, i.source, 1 AS leg, i.pence, i.source::text AS event_id, i.day,
           to_char(i.day, 'YYYY-MM-DD') AS day_text, i.period,
           cast(NULL AS uuid) AS refers_to
      FROM unnest(cast(:sources AS uuid[]), cast(:amounts AS bigint[]), cast(:days AS date[]),
                  cast(:periods AS uuid[])) WITH ORDINALITY AS i(source, pence, day, period, n)
"""
_APPROVED_LEGS = (
    Leg("payment.approved", rules.PROGRAMME_EXPENDITURE, rules.PAYMENTS_APPROVED),
    Leg("payment.reissued", rules.RETURNED_UNAPPLIED, rules.PAYMENTS_APPROVED),
)
_RECALLED_LEGS = (
    Leg("payment.recalled", rules.PROGRAMME_EXPENDITURE, rules.PAYMENTS_APPROVED),
    Leg("payment.recalled", rules.RETURNED_UNAPPLIED, rules.PAYMENTS_APPROVED),
)
# The canonical content of rules.EntryDraft.request_hash, put together by the database.
_HASH = """
    sha256(convert_to('["' || :kind || '", "' || coalesce(q.refers_to::text, 'None') || '", "'
      || q.day_text || '", "GBP", [[' || (cast(:debit_names AS text[]))[q.leg]
      || ', ' || q.pence || ', false], [' || (cast(:credit_names AS text[]))[q.leg] || ', '
      || -q.pence || ', false]]]', 'UTF8'))
"""
_TYPE = "(cast(:types AS text[]))[q.leg]"
_EVENT = f"""
    k.body = :body AND k.event_type = {_TYPE} AND k.event_id = q.event_id AND k.rule_version = 1
"""
_KNOWN = f"""
    SELECT k.event_type, k.event_id, k.kind <> :kind AS kind,
           k.refers_to IS DISTINCT FROM q.refers_to AS refers_to,
           k.effective_on <> q.day AS effective_on, k.currency <> 'GBP' AS currency
      FROM (%s) q JOIN entry k ON {_EVENT} WHERE k.request_hash <> {_HASH} ORDER BY q.n LIMIT 1
"""
_FRESH = f"""
    SELECT q.* FROM (%s) q
     WHERE NOT EXISTS (SELECT 1 FROM entry k WHERE {_EVENT} AND k.batch_id <> :batch)
"""
_TOTAL = "SELECT count(*) AS entries, coalesce(sum(abs(q.pence)), 0)::bigint AS pence FROM (%s) q"
_BATCH = text("INSERT INTO posting_batch (id, body, purpose) VALUES (:batch, :body, :purpose)")
_ENTRIES = f"""
    INSERT INTO entry (id, batch_id, body, event_type, event_id, rule_version, kind, refers_to,
                       period_id, effective_on, posting_count, currency, request_hash)
    SELECT ledger_id(:millisecond, q.n, q.source), :batch, :body, {_TYPE}, q.event_id, 1, :kind,
           q.refers_to, q.period, q.day, 2, 'GBP', {_HASH}
      FROM (%s) q
"""
# OFFSET 0 keeps the planner from making each id once for each line. A list of VALUES for each row
# would cost half as much again.
_POSTINGS = """
    INSERT INTO posting (entry_id, line_no, account_id, amount)
    SELECT q.id, l.line::smallint, (cast(:accounts AS uuid[]))[2 * q.leg - 2 + l.line],
           CASE l.line WHEN 1 THEN q.pence ELSE -q.pence END
      FROM (SELECT ledger_id(:millisecond, r.n, r.source) AS id, r.leg, r.pence FROM (%s) r
            OFFSET 0) q CROSS JOIN generate_series(1, 2) AS l(line)
"""


@dataclass(frozen=True)
class Plan:
    """What is posted: a query for its rows, the values it needs, its legs and the entries' kind."""

    rows: str
    values: Mapping[str, object]
    legs: Sequence[Leg]
    kind: rules.Kind = "posted"


def post_approved(
    session: Session,
    body: str,
    run_id: UUID,
    round_: int,
    first_id: UUID,
    last_id: UUID,
    on: date,
) -> tuple[int, int]:
    """Book the cost of a shard: a run's payments that await approval, from one id to another.

    What is issued again costs nothing more: it is paid out of what was returned. Returns how many
    payments that is and their pence, of which those booked already are no second posting.

    Raises:
        Conflict: ``exists_with_different_…``, a payment is booked with other content.
    """
    values = _shard(session, body, run_id, round_, first_id, last_id, on)
    plan = Plan(_APPROVED, values, _APPROVED_LEGS)
    return post_plan(session, body, plan, f"run {run_id} approved")


def post_recalled(
    session: Session,
    body: str,
    run_id: UUID,
    round_: int,
    first_id: UUID,
    last_id: UUID,
    on: date,
) -> tuple[int, int]:
    """Reverse what ``post_approved`` booked for a shard, whatever became of its payments since.

    What is reversed already stays so. Returns count and pence of what was reversed now.

    Raises:
        Conflict: ``already_reversed`` by somebody else in this moment.
    """
    values = _shard(session, body, run_id, round_, first_id, last_id, on)
    return _reverse(session, body, Plan(_RECALLED_SHARD, values, _RECALLED_LEGS, "reversal"))


def post_payments_recalled(
    session: Session, body: str, payment_ids: Sequence[UUID], round_: int, on: date
) -> tuple[int, int]:
    """Reverse the cost of single payments, as ``post_recalled`` does for a shard."""
    values: dict[str, object] = {
        "payments": list(payment_ids),
        "suffix": f"/{round_}",
        "day": on,
        "day_text": on.isoformat(),
        "period": find_period_ids(session, body, [on])[on],
    }
    return _reverse(session, body, Plan(_RECALLED_ITEMS, values, _RECALLED_LEGS, "reversal"))


def post_items(
    session: Session, body: str, leg: Leg, items: Sequence[tuple[UUID, int, date]], purpose: str
) -> tuple[int, int]:
    """Book one event of the same shape for each of many things, as (id, pence, day).

    Raises:
        Invalid: an id twice, or an amount that is not above zero.
        Conflict: ``exists_with_different_…``, one is booked with other content.
    """
    if not items:
        return 0, 0
    faults = [FieldError(str(one), "needs an amount above zero") for one, p, _ in items if p <= 0]
    if len({one for one, _, _ in items}) < len(items):
        faults.append(FieldError("items", "name a thing twice"))
    if faults:
        raise Invalid(*faults, code="entry_invalid", title="The ledger refuses these entries")
    periods = find_period_ids(session, body, {day for _, _, day in items})
    values = {
        "sources": [one for one, _, _ in items],
        "amounts": [pence for _, pence, _ in items],
        "days": [day for _, _, day in items],
        "periods": [periods[day] for _, _, day in items],
    }
    return post_plan(session, body, Plan(_ITEMS, values, [leg]), purpose)


def post_plan(session: Session, body: str, plan: Plan, purpose: str) -> tuple[int, int]:
    """Post a plan as one batch; what is booked already with the same content is a replay.

    Returns how many entries the plan has and the sum of their amounts in pence. The caller sees
    to it that nobody changes the plan's rows meanwhile; whatever is missing or added between the
    statements fails in the database's own checks.

    Raises:
        Conflict: ``exists_with_different_…`` names the first differing field.
    """
    values = _values(session, body, plan, purpose)
    counted, pence = _count(session, plan.rows, values)
    if not counted:
        return 0, 0
    try:
        with session.begin_nested():
            _insert(session, plan.rows, values)
    except IntegrityError as error:
        if "uq_entry_event" not in str(error):
            raise
        _refuse_other_content(session, plan, values)
        _insert_rest(session, plan, values)
    return counted, pence


def _reverse(session: Session, body: str, plan: Plan) -> tuple[int, int]:
    try:
        return post_plan(session, body, plan, "approval taken back")
    except IntegrityError as error:
        if "uq_entry_reversal" not in str(error):
            raise
        raise Conflict("already_reversed", "An entry is reversed already") from error


def _shard(
    session: Session,
    body: str,
    run_id: UUID,
    round_: int,
    first_id: UUID,
    last_id: UUID,
    on: date,
) -> dict[str, object]:
    return {
        "run": run_id,
        "first": first_id,
        "last": last_id,
        "suffix": f"/{round_}",
        "day": on,
        "day_text": on.isoformat(),
        "period": find_period_ids(session, body, [on])[on],
    }


def _values(session: Session, body: str, plan: Plan, purpose: str) -> dict[str, object]:
    codes = {code for leg in plan.legs for code in (leg.debit, leg.credit)}
    accounts = find_account_ids(session, body, codes)
    batch = new_id()
    return {
        **plan.values,
        "body": body,
        "batch": batch,
        "purpose": purpose,
        "kind": plan.kind,
        "millisecond": batch.int >> _MILLISECOND_AND_VERSION,
        "types": [leg.event_type for leg in plan.legs],
        "accounts": [accounts[code] for leg in plan.legs for code in (leg.debit, leg.credit)],
        "debit_names": [json.dumps(leg.debit) for leg in plan.legs],
        "credit_names": [json.dumps(leg.credit) for leg in plan.legs],
    }


def _insert(session: Session, rows: str, values: Mapping[str, object]) -> None:
    session.execute(_BATCH, values)
    entries = _ask(session, _ENTRIES, rows, values).rowcount
    if _ask(session, _POSTINGS, rows, values).rowcount != _LINES * entries:
        raise Conflict("rows_changed", "What was to be booked changed meanwhile; nothing is booked")


def _insert_rest(session: Session, plan: Plan, values: dict[str, object]) -> None:
    rest = _FRESH % plan.rows
    if _count(session, rest, values)[0]:
        with session.begin_nested():
            _insert(session, rest, values)


def _refuse_other_content(session: Session, plan: Plan, values: Mapping[str, object]) -> None:
    row = _ask(session, _KNOWN, plan.rows, values).mappings().one_or_none()
    if row is not None:
        names = ("kind", "refers_to", "effective_on", "currency")
        field = next((name for name in names if row[name]), "postings")
        raise Conflict(
            f"exists_with_different_{field}",
            f"{row['event_type']} {row['event_id']} is booked with another {field}",
        )


def _count(session: Session, rows: str, values: Mapping[str, object]) -> tuple[int, int]:
    row = _ask(session, _TOTAL, rows, values).one()
    return int(row.entries), int(row.pence)


def _ask(
    session: Session, statement: str, rows: str, values: Mapping[str, object]
) -> CursorResult[tuple[object, ...]]:
    return session.execute(_prepared(statement, rows), values)  # type: ignore[return-value]  # a text statement gives a cursor's result


@cache
def _prepared(statement: str, rows: str) -> TextClause:
    return text(statement % rows)
