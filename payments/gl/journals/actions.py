"""Journals are asked for by one person and posted by another; nothing of them is ever edited."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.gl.journals.queries import (
    JournalView,
    find_closed_month,
    get_journal,
    list_lines,
    list_open_accounts,
)
from payments.gl.journals.rules import (
    POSTED_EVENT,
    REVERSED_EVENT,
    JournalDraft,
    JournalLine,
    check_draft,
    is_writable,
    mirror,
    reason_faults,
)
from payments.ledger.actions import post_entries, reverse_entry
from payments.ledger.rules import EntryDraft, Line
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.ids import new_id

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('payments.journal/' || :body, 0))")
_KNOWN = text(
    "SELECT number, content_sha256, made_by_id FROM journal WHERE body = :body AND form_key = :key"
)
_INSERT = text(
    """
    INSERT INTO journal (id, body, number, form_key, effective_on, description, reason, reverses,
                         line_count, total_pence, content_sha256, made_by_id, made_by_name, made_at)
    SELECT :id, :body, coalesce(max(number), 0) + 1, :key, :day, :description, :reason, :reverses,
           :lines, :pence, :digest, :person, :name, :now FROM journal WHERE body = :body
    RETURNING number
    """
)
_INSERT_LINES = text(
    """
    INSERT INTO journal_line (journal_id, line_no, account, amount_pence, note)
    SELECT :id, u.number, u.account, u.pence, u.note
      FROM unnest(cast(:accounts AS text[]), cast(:amounts AS bigint[]), cast(:notes AS text[]))
           WITH ORDINALITY AS u(account, pence, note, number)
    """
)
_HOLD = text("SELECT id FROM journal WHERE body = :body AND number = :number FOR UPDATE")
_DECIDE = text(
    """
    UPDATE journal SET state = :state, entry_id = :entry, decided_by_id = :person,
           decided_by_name = :name, decided_at = :now, decision_reason = :reason
     WHERE id = :id AND state = 'waiting'
    """
)
_IN_ITS_MONTH = text(
    """
    SELECT e.effective_on >= p.starts_on AND e.effective_on < p.ends_before
      FROM entry e JOIN period p ON p.id = e.period_id WHERE e.id = :id
    """
)
_REVERSED = text(
    "SELECT EXISTS (SELECT FROM journal WHERE body = :body AND reverses = :id"
    " AND state IN ('waiting', 'posted'))"
)
_REFUSED_BY_LEDGER = {
    "LG008": Conflict("journal_account_closed", "An account of this journal is closed"),
    "LG009": Conflict("period_closed", "The month of this journal is closed"),
    "LG014": Conflict("journal_bound", "An account of this journal would pass its bound"),
}


def submit_journal(
    session: Session, body: str, draft: JournalDraft, form_key: UUID, actor: Actor, now: datetime
) -> tuple[int, bool]:
    """Ask a second person to post a journal; returns its number, and whether it was there already.

    ``form_key`` is the form's own: sent twice, it is one journal.

    Raises:
        Invalid: a day or text that cannot be.
        Conflict: ``period_closed``, ``journal_form_used`` for the key of another journal,
            ``journal_account`` for an account that is not for journals.
    """
    if faults := check_draft(draft, london_date(now)):
        raise Invalid(*faults)
    _check_accounts(session, body, draft.lines)
    return _insert(session, body, draft, form_key, actor, now)


def ask_reversal(
    session: Session,
    body: str,
    number: int,
    on: date,
    reason: str,
    form_key: UUID,
    actor: Actor,
    now: datetime,
) -> tuple[int, bool]:
    """Ask a second person to take a posted journal back whole, with a reason; see the above.

    Raises:
        Invalid: no reason, or a day before the journal's own.
        Conflict: ``journal_not_posted``, ``journal_is_reversal``, ``journal_reversed`` when it is
            reversed or its reversal waits, ``period_closed``, ``journal_form_used``.
    """
    original = get_journal(session, body, number)
    draft = mirror(list_lines(session, original.id), number, on, reason, original.id)
    faults = check_draft(draft, london_date(now))
    if on < original.effective_on:
        faults.append(FieldError("effective_on", "The day cannot be before that of the journal"))
    if faults:
        raise Invalid(*faults)
    if original.state != "posted":
        raise Conflict("journal_not_posted", "Only a posted journal is reversed")
    if original.reverses is not None:
        raise Conflict("journal_is_reversal", "A reversal is not reversed; write a new journal")
    return _insert(session, body, draft, form_key, actor, now)


def post_journal(
    session: Session, body: str, number: int, seen_sha256: str, actor: Actor, now: datetime
) -> UUID:
    """Post a journal as the second person; returns the entry of the ledger.

    Raises:
        Forbidden: this person asked for it.
        Conflict: it is decided already, its content is not what was seen, its month is closed, or
            an account of it is closed or bounded. Nothing is posted then.
    """
    journal = _held(session, body, number)
    if journal.made_by_id == actor.id:
        raise Forbidden("same_person", "Another person has to post this journal")
    lines = list_lines(session, journal.id)
    content = _draft_of(journal, lines).content_sha256
    if content != journal.content_sha256 or content.hex() != seen_sha256:
        raise Conflict("journal_changed", "This journal is not what you were shown")
    if journal.reverses is None:
        _check_accounts(session, body, lines)
    _check_open(session, body, journal.effective_on)
    with session.begin_nested():
        entry_id = _book(session, body, journal, lines)
        if not session.execute(_IN_ITS_MONTH, {"id": entry_id}).scalar_one():
            raise Conflict("period_closed", "The month of this journal is closed")
        _decide(session, journal, "posted", actor, now, entry_id=entry_id)
    details = {"number": number, "entry": str(entry_id), "pence": journal.total_pence}
    if journal.reverses_number is not None:
        details["reverses"] = journal.reverses_number
    audit.record(session, actor, "gl.journal.posted", "journal", journal.id, details)
    return entry_id


def decline_journal(
    session: Session, body: str, number: int, reason: str, actor: Actor, now: datetime
) -> None:
    """Refuse a journal as the second person, or take back one's own; either with a reason.

    Raises:
        Invalid: no reason.
        Conflict: it is decided already.
    """
    if faults := reason_faults(reason):
        raise Invalid(*faults)
    journal = _held(session, body, number)
    state = "withdrawn" if journal.made_by_id == actor.id else "declined"
    _decide(session, journal, state, actor, now, reason=reason)
    details = {"number": number, "reason": reason}
    audit.record(session, actor, f"gl.journal.{state}", "journal", journal.id, details)


def _insert(
    session: Session, body: str, draft: JournalDraft, form_key: UUID, actor: Actor, now: datetime
) -> tuple[int, bool]:
    # One at a time for each body, so that numbers have no gap and a form counts once.
    session.execute(_LOCK, {"body": body})
    known = session.execute(_KNOWN, {"body": body, "key": form_key}).one_or_none()
    if known is not None:
        if bytes(known.content_sha256) == draft.content_sha256 and known.made_by_id == actor.id:
            return int(known.number), True
        raise Conflict("journal_form_used", "This form was sent already with other content")
    _check_open(session, body, draft.effective_on)
    if draft.reverses is not None:
        _check_not_reversed(session, body, draft.reverses)
    journal_id = new_id()
    values = {
        "id": journal_id,
        "body": body,
        "key": form_key,
        "day": draft.effective_on,
        "description": draft.description,
        "reason": draft.reason,
        "reverses": draft.reverses,
        "lines": len(draft.lines),
        "pence": draft.total_pence,
        "digest": draft.content_sha256,
        "person": actor.id,
        "name": actor.name,
        "now": now,
    }
    number = int(session.execute(_INSERT, values).scalar_one())
    lines = {
        "accounts": [line.account for line in draft.lines],
        "amounts": [line.amount_pence for line in draft.lines],
        "notes": [line.note for line in draft.lines],
    }
    session.execute(_INSERT_LINES, {"id": journal_id} | lines)
    details = {
        "number": number,
        "day": draft.effective_on,
        "pence": draft.total_pence,
        "lines": len(draft.lines),
        "sha256": draft.content_sha256.hex(),
        "reverses": draft.reverses,
    }
    audit.record(session, actor, "gl.journal.asked", "journal", journal_id, details)
    return number, False


def _check_not_reversed(session: Session, body: str, original: UUID) -> None:
    if session.execute(_REVERSED, {"body": body, "id": original}).scalar_one():
        raise Conflict("journal_reversed", "This journal is reversed, or its reversal waits")


def _check_open(session: Session, body: str, day: date) -> None:
    closed = find_closed_month(session, body, day)
    if closed is not None:
        raise Conflict(
            "period_closed",
            "The month of this journal is closed",
            detail=f"{closed:%m/%Y} is held or closed: nothing more is booked to {day:%d/%m/%Y}.",
        )


def _check_accounts(session: Session, body: str, lines: Sequence[JournalLine]) -> None:
    accounts = list_open_accounts(session, body)
    bad = sorted(
        {
            line.account
            for line in lines
            if line.account not in accounts or not is_writable(line.account, accounts[line.account])
        }
    )
    if bad:
        raise Conflict(
            "journal_account",
            "Journals cannot be written to an account of this one",
            detail=", ".join(bad),
        )


def _held(session: Session, body: str, number: int) -> JournalView:
    session.execute(_HOLD, {"body": body, "number": number})
    journal = get_journal(session, body, number)
    if journal.state != "waiting":
        raise Conflict("journal_decided", "This journal is decided already")
    return journal


def _draft_of(journal: JournalView, lines: Sequence[JournalLine]) -> JournalDraft:
    return JournalDraft(
        journal.effective_on, journal.description, journal.reason, tuple(lines), journal.reverses
    )


def _book(session: Session, body: str, journal: JournalView, lines: Sequence[JournalLine]) -> UUID:
    event = str(journal.id)
    try:
        if journal.reverses_number is not None:
            original = get_journal(session, body, journal.reverses_number)
            if original.entry_id is None:
                raise Conflict("journal_not_posted", "Only a posted journal is reversed")
            return reverse_entry(
                session, body, original.entry_id, REVERSED_EVENT, event, journal.effective_on
            ).id
        draft = EntryDraft(
            POSTED_EVENT,
            event,
            journal.effective_on,
            tuple(Line(line.account, line.amount_pence) for line in lines),
        )
        return post_entries(session, body, [draft], f"journal {journal.number}")[0].id
    except DBAPIError as error:
        said = _REFUSED_BY_LEDGER.get(str(getattr(error.orig, "sqlstate", "")))
        if said is None:
            raise
        raise Conflict(said.code, said.title) from error


def _decide(
    session: Session,
    journal: JournalView,
    state: str,
    actor: Actor,
    now: datetime,
    *,
    entry_id: UUID | None = None,
    reason: str = "",
) -> None:
    values = {"id": journal.id, "state": state, "entry": entry_id, "reason": reason, "now": now}
    session.execute(_DECIDE, values | {"person": actor.id, "name": actor.name})
