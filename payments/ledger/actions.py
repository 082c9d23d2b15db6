"""The one writer of the ledger: entries are added, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.ledger.batches import insert_batch, list_known
from payments.ledger.places import find_account_ids, find_period_ids
from payments.ledger.queries import EntryView, find_entry
from payments.ledger.rules import EntryDraft, Line, check_drafts, control_accounts
from shared.errors import Conflict, NotFound
from shared.ids import new_id

_OPEN_ACCOUNTS = text(
    """
    INSERT INTO account (id, body, code, type, normal_side, currency)
    SELECT u.id, :body, u.code, u.type, u.side, :currency
      FROM unnest(cast(:ids AS uuid[]), cast(:codes AS text[]), cast(:types AS text[]),
                  cast(:sides AS text[])) AS u(id, code, type, side)
    ON CONFLICT (body, code) DO NOTHING
    """
)
_CLOSE_ACCOUNT = text(
    "UPDATE account SET closed_at = :now WHERE body = :body AND code = :code AND closed_at IS NULL"
)
_FIND_PERIOD = text(
    "SELECT id FROM period WHERE body = :body AND :day >= starts_on AND :day < ends_before"
)
_CLOSE_PERIOD = text("SELECT close_period(:id, :closer, :signer)")


@dataclass(frozen=True)
class Posted:
    """The entry of an event; ``replay`` when it was there already with the same content."""

    id: UUID
    replay: bool


def open_accounts(
    session: Session, body: str, bank_accounts: Sequence[str] = ("main",), currency: str = "GBP"
) -> None:
    """Open a body's control accounts and those of its bank accounts; what is there stays."""
    plans = control_accounts(bank_accounts)
    session.execute(
        _OPEN_ACCOUNTS,
        {
            "body": body,
            "currency": currency,
            "ids": [new_id() for _ in plans],
            "codes": [plan.code for plan in plans],
            "types": [plan.type for plan in plans],
            "sides": [plan.normal_side for plan in plans],
        },
    )


def post_entries(
    session: Session, body: str, entries: Sequence[EntryDraft], purpose: str
) -> list[Posted]:
    """Post entries as one batch, in the order given; an event that is booked already is a replay.

    Refuses unbalanced drafts, unknown accounts and two entries of one event in the request
    (``Invalid``), and an event booked with other content (``Conflict`` that names the first
    differing field, contract 1.5). The database refuses closed periods and accounts, passed
    bounds and second resolutions with SQLSTATEs of class LG.
    """
    if not entries:
        return []
    check_drafts(entries)
    known = _find_known(session, body, entries)
    fresh = [draft for draft in entries if draft.key not in known]
    if fresh:
        try:
            with session.begin_nested():
                _insert(session, body, fresh, purpose)
        except IntegrityError as error:
            if "uq_entry_event" not in str(error):
                raise
            # Another transaction booked one of these events meanwhile: read it back, compare.
            known = _find_known(session, body, entries)
            fresh = [draft for draft in entries if draft.key not in known]
            if fresh:
                with session.begin_nested():
                    _insert(session, body, fresh, purpose)
    return [
        Posted(known[draft.key], replay=True)
        if draft.key in known
        else Posted(draft.id, replay=False)
        for draft in entries
    ]


def reverse_entry(
    session: Session, body: str, entry_id: UUID, event_type: str, event_id: str, on: date
) -> Posted:
    """Book the mirror of an entry; refuses what is not of this body and a second reversal.

    Raises:
        NotFound: no such entry in this body.
        Conflict: ``already_reversed`` by another event, or ``cannot_reverse`` a pending entry.
    """
    original = find_entry(session, body, entry_id)
    if original is None:
        raise NotFound("no_such_entry", "There is no such entry")
    if original.kind not in {"posted", "correction"}:
        raise Conflict("cannot_reverse", f"An entry of kind {original.kind} is not reversed")
    draft = _mirror(original, event_type, event_id, on)
    try:
        return post_entries(session, body, [draft], f"reversal of {original.event_type}")[0]
    except IntegrityError as error:
        if "uq_entry_reversal" not in str(error):
            raise
        raise Conflict("already_reversed", "This entry is reversed already") from error


def close_account(session: Session, body: str, code: str, now: datetime) -> None:
    """Close an account to further postings; closing it again changes nothing."""
    session.execute(_CLOSE_ACCOUNT, {"body": body, "code": code, "now": now})


def close_period(session: Session, body: str, day: date, closer: str, signer: str) -> None:
    """Close the period around a day for ever; takes two people.

    Raises:
        NotFound: the body has no period there.
        sqlalchemy.exc.DBAPIError: LG018, closed already or one person only.
    """
    period_id = session.execute(_FIND_PERIOD, {"body": body, "day": day}).scalar_one_or_none()
    if period_id is None:
        raise NotFound("no_such_period", "There is no such period")
    session.execute(_CLOSE_PERIOD, {"id": period_id, "closer": closer, "signer": signer})


def _mirror(original: EntryView, event_type: str, event_id: str, on: date) -> EntryDraft:
    return EntryDraft(
        event_type,
        event_id,
        on,
        tuple(Line(line.account, -line.amount_pence) for line in original.postings),
        kind="reversal",
        refers_to=original.id,
        currency=original.currency,
    )


def _find_known(
    session: Session, body: str, entries: Sequence[EntryDraft]
) -> dict[tuple[str, str, int], UUID]:
    known: dict[tuple[str, str, int], UUID] = {}
    for key, found in list_known(session, body, entries).items():
        if isinstance(found, Conflict):
            raise found
        known[key] = found
    return known


def _insert(session: Session, body: str, entries: Sequence[EntryDraft], purpose: str) -> None:
    codes = {line.account for draft in entries for line in draft.lines}
    accounts = find_account_ids(session, body, codes)
    periods = find_period_ids(session, body, {draft.effective_on for draft in entries})
    insert_batch(session, body, entries, accounts, periods, purpose)
