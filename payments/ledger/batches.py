"""One batch of entries of any shape from memory: what of it is booked already, and its insert."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.rules import EntryDraft
from shared.errors import Conflict
from shared.ids import new_id

# LIMIT 1 makes the planner probe the index for each event, whatever it thinks of the table.
_KNOWN = text(
    """
    SELECT e.id, e.event_type, e.event_id, e.rule_version, e.request_hash, e.kind, e.refers_to,
           e.effective_on, e.currency
      FROM unnest(cast(:types AS text[]), cast(:events AS text[]), cast(:versions AS smallint[]))
           AS u(event_type, event_id, rule_version)
      CROSS JOIN LATERAL (SELECT * FROM entry k WHERE k.body = :body
        AND k.event_type = u.event_type AND k.event_id = u.event_id
        AND k.rule_version = u.rule_version LIMIT 1) e
    """
)
_BATCH = text("INSERT INTO posting_batch (id, body, purpose) VALUES (:batch, :body, :purpose)")
_ENTRIES = text(
    """
    INSERT INTO entry (id, batch_id, body, event_type, event_id, rule_version, kind, refers_to,
                       period_id, effective_on, posting_count, currency, request_hash)
    SELECT u.id, :batch, :body, u.event_type, u.event_id, u.version, u.kind, u.refers_to, u.period,
           u.day, u.lines, u.currency, u.hash
      FROM unnest(cast(:ids AS uuid[]), cast(:types AS text[]), cast(:events AS text[]),
                  cast(:versions AS smallint[]), cast(:kinds AS text[]), cast(:referred AS uuid[]),
                  cast(:periods AS uuid[]), cast(:days AS date[]), cast(:counts AS smallint[]),
                  cast(:currencies AS text[]), cast(:hashes AS bytea[]))
           AS u(id, event_type, event_id, version, kind, refers_to, period, day, lines, currency,
                hash)
    """
)
_POSTINGS = text(
    """
    INSERT INTO posting (entry_id, line_no, account_id, amount, pending)
    SELECT u.* FROM unnest(cast(:entries AS uuid[]), cast(:numbers AS smallint[]),
      cast(:accounts AS uuid[]), cast(:amounts AS bigint[]), cast(:pending AS boolean[])) AS u
    """
)


def list_known(
    session: Session, body: str, drafts: Sequence[EntryDraft]
) -> dict[tuple[str, str, int], UUID | Conflict]:
    """Return what is booked of these events: its id, or the conflict where the content differs."""
    wanted = {draft.key: draft for draft in drafts}
    rows = session.execute(
        _KNOWN,
        {
            "body": body,
            "types": [key[0] for key in wanted],
            "events": [key[1] for key in wanted],
            "versions": [key[2] for key in wanted],
        },
    )
    known: dict[tuple[str, str, int], UUID | Conflict] = {}
    for row in rows:
        draft = wanted[row.event_type, row.event_id, row.rule_version]
        same = bytes(row.request_hash) == draft.request_hash
        known[draft.key] = row.id if same else make_conflict(draft, dict(row._mapping))  # noqa: SLF001 - its public name
    return known


def make_conflict(draft: EntryDraft, booked: Mapping[str, object]) -> Conflict:
    """Return the refusal of an event that is booked with other content: the first such field."""
    names = ("kind", "refers_to", "effective_on", "currency")
    field = next((name for name in names if booked[name] != getattr(draft, name)), "postings")
    return Conflict(
        f"exists_with_different_{field}",
        f"{draft.event_type} {draft.event_id} is booked with another {field}",
    )


def insert_batch(
    session: Session,
    body: str,
    drafts: Sequence[EntryDraft],
    accounts: Mapping[str, UUID],
    periods: Mapping[date, UUID],
    purpose: str,
) -> None:
    """Insert whole entries as one batch in three statements."""
    batch = {"batch": new_id(), "body": body, "purpose": purpose}
    session.execute(_BATCH, batch)
    session.execute(
        _ENTRIES,
        batch
        | {
            "ids": [draft.id for draft in drafts],
            "types": [draft.event_type for draft in drafts],
            "events": [draft.event_id for draft in drafts],
            "versions": [draft.rule_version for draft in drafts],
            "kinds": [draft.kind for draft in drafts],
            "referred": [draft.refers_to for draft in drafts],
            "periods": [periods[draft.effective_on] for draft in drafts],
            "days": [draft.effective_on for draft in drafts],
            "counts": [len(draft.lines) for draft in drafts],
            "currencies": [draft.currency for draft in drafts],
            "hashes": [draft.request_hash for draft in drafts],
        },
    )
    lines = [
        (draft.id, number, line) for draft in drafts for number, line in enumerate(draft.lines, 1)
    ]
    session.execute(
        _POSTINGS,
        {
            "entries": [entry for entry, _, _ in lines],
            "numbers": [number for _, number, _ in lines],
            "accounts": [accounts[line.account] for _, _, line in lines],
            "amounts": [line.amount_pence for _, _, line in lines],
            "pending": [line.pending for _, _, line in lines],
        },
    )
