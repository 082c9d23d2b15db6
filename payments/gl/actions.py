"""Journals are made once, computed after the commit, and acknowledged."""

import hashlib
import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.gl.files import write_csv
from payments.gl.queries import (
    find_waiting,
    get_export,
    get_export_by_id,
    get_settings,
    list_payment_codes,
    list_used_accounts,
    read_lines,
)
from payments.gl.rules import GlSettings, JournalLine, check_settings
from payments.gl.segments import account_faults, constant_faults, payment_faults
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id
from shared.outbox import enqueue

COMPUTE_TOPIC = "payments.gl.compute"
_MAXIMUM_TEXT = 200
_MOST_FAULTS = 20
_SAVE = text(
    """
    INSERT INTO gl_setting (body, template, detail, code_separator, code_segments, constants,
                            account_codes, vat, changed_by_id, changed_by_name, changed_at)
    VALUES (:body, :template, :detail, :code_separator, cast(:code_segments AS jsonb),
            cast(:constants AS jsonb), cast(:account_codes AS jsonb), cast(:vat AS jsonb), :id,
            :name, :now)
    ON CONFLICT (body) DO UPDATE SET template = excluded.template, detail = excluded.detail,
           code_separator = excluded.code_separator, code_segments = excluded.code_segments,
           constants = excluded.constants, account_codes = excluded.account_codes,
           changed_by_id = excluded.changed_by_id, changed_by_name = excluded.changed_by_name,
           changed_at = excluded.changed_at
    """
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('payments.gl/' || :body, 0))")
_INSERT = text(
    """
    INSERT INTO gl_export (id, body, number, year, first_number, last_number, settings, made_by_id,
                           made_by_name, made_at)
    SELECT :id, :body, coalesce(max(number), 0) + 1, :year, :first, :last,
           cast(:settings AS jsonb), :person, :name, :now FROM gl_export WHERE body = :body
    RETURNING number
    """
)
_READY = text(
    """
    UPDATE gl_export SET lines = :lines, debit_pence = :debit, credit_pence = :credit,
           content_sha256 = :digest, ready_at = :now WHERE id = :id AND ready_at IS NULL
    """
)
_ACKNOWLEDGE = text(
    """
    UPDATE gl_export SET acknowledged_at = :now, acknowledged_by_id = :person,
           acknowledged_by_name = :name, acknowledgement = :reference
     WHERE id = :id AND acknowledged_at IS NULL
    """
)


def save_settings(
    session: Session, body: str, settings: GlSettings, actor: Actor, now: datetime
) -> None:
    """Say how a body's journals look from now on; those that were made stay as they are.

    Raises:
        Invalid: see ``check_settings``; or a code or constant that does not fit its columns.
    """
    check_settings(settings)
    if faults := constant_faults(settings) + account_faults(settings):
        raise Invalid(*faults)
    before = get_settings(session, body)
    stored = settings.as_json()
    values = {
        **stored,
        **{name: json.dumps(stored[name]) for name in ("code_segments", "constants")},
        **{name: json.dumps(stored[name]) for name in ("account_codes", "vat")},
    }
    session.execute(_SAVE, values | {"body": body, "id": actor.id, "name": actor.name, "now": now})
    details = {"before": before.as_json() if before else None, "after": stored}
    audit.record(session, actor, "gl.settings.changed", "body", body, details)


def make_export(session: Session, body: str, actor: Actor, now: datetime) -> int:
    """Put everything that is numbered and in no export into the next one; returns its number.

    Totals and hash follow after the commit.

    Raises:
        Conflict: nobody has said how journals look, or nothing waits.
        Invalid: an account that is used has no code, or a payment's code does not fit the columns.
    """
    session.execute(_LOCK, {"body": body})
    settings = get_settings(session, body)
    if settings is None:
        raise Conflict("gl_not_set_up", "Say first how journals shall look")
    used = list_used_accounts(session, body)
    if missing := [code for code in used if not settings.account_codes.get(code)]:
        faults = [FieldError(code, f"Give the account {code} a code") for code in missing]
        raise Invalid(*faults, code="gl_codes_missing", title="Accounts without a code")
    waiting = find_waiting(session, body)
    if waiting is None:
        raise Conflict("gl_nothing_new", "Everything that has a number was exported")
    codes = list_payment_codes(session, body, *waiting)
    if bad := payment_faults(codes, settings, _MOST_FAULTS):
        raise Invalid(*bad, code="gl_payment_codes", title="Codes that do not fit the columns")
    export_id = new_id()
    number: int = session.execute(
        _INSERT,
        {
            "id": export_id,
            "body": body,
            "year": waiting[0],
            "first": waiting[1],
            "last": waiting[2],
            "settings": json.dumps(settings.as_json()),
            "person": actor.id,
            "name": actor.name,
            "now": now,
        },
    ).scalar_one()
    enqueue(session, COMPUTE_TOPIC, {"export_id": str(export_id)}, key=str(export_id))
    details = {"number": number, "year": waiting[0], "from": waiting[1], "to": waiting[2]}
    audit.record(session, actor, "gl.exported", "gl_export", export_id, details)
    return number


def compute_export(session: Session, export_id: UUID, now: datetime) -> None:
    """Fix an export's totals and the hash of its CSV file; again changes nothing.

    Raises:
        ValueError: debits and credits differ, which the ledger makes impossible.
    """
    export = get_export_by_id(session, export_id)
    if export.ready_at is not None:
        return
    counted, sides = 0, {True: 0, False: 0}
    digest = hashlib.sha256()

    def count(line: JournalLine) -> JournalLine:
        nonlocal counted
        counted += 1
        sides[line.amount_pence > 0] += abs(line.amount_pence)
        return line

    for part in write_csv((count(line) for line in read_lines(session, export)), export.settings):
        digest.update(part)
    if sides[True] != sides[False]:
        raise ValueError(f"export {export.number} does not balance")
    values = {"id": export_id, "lines": counted, "debit": sides[True], "credit": sides[False]}
    session.execute(_READY, values | {"digest": digest.digest(), "now": now})


def acknowledge(
    session: Session, body: str, number: int, reference: str, actor: Actor, now: datetime
) -> None:
    """Record what the finance system answered to an export, once.

    Raises:
        NotFound, Conflict: no such export, not ready, or acknowledged already.
        Invalid: no reference, or one that is too long.
    """
    plain = reference.strip()
    if not 1 <= len(plain) <= _MAXIMUM_TEXT:
        raise Invalid(FieldError("reference", "Enter a reference of up to 200 characters"))
    export = get_export(session, body, number)
    if export.ready_at is None:
        raise Conflict("gl_not_ready", "This export is still being made")
    values = {"id": export.id, "reference": plain, "person": actor.id, "name": actor.name}
    done = session.execute(_ACKNOWLEDGE, values | {"now": now})
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has a row count
        raise Conflict("gl_acknowledged", "This export was acknowledged already")
    audit.record(session, actor, "gl.acknowledged", "gl_export", export.id, {"reference": plain})
