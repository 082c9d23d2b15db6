"""Statements come in whole or not at all; a second time they change nothing."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.bank.actions import account_hash, reference_key
from payments.bank.queries import BankAccount, find_account_by_number, find_bank_account
from payments.bank.safe_xml import UnreadableError
from payments.payees.bank_details import DetailsVault
from payments.reconciliation.matching import reconcile_account
from payments.reconciliation.readers import read_statements
from payments.reconciliation.readers.csv_lines import ColumnMap
from payments.reconciliation.rules import (
    Statement,
    StatementLine,
    count_occurrences,
    line_record,
)
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id
from shared.outbox import enqueue

# More lines than this are matched by the worker after the commit, not while a person waits.
MOST_AT_ONCE = 5_000
_FIND_FILE = text(
    """
    SELECT f.id, f.body, (SELECT array_agg(s.id ORDER BY s.id) FROM statement s
                           WHERE s.file_id = f.id) AS statements
      FROM statement_file f WHERE f.content_sha256 = :sha256
    """
)
_FILE = text(
    """
    INSERT INTO statement_file (id, body, bank_account_id, name, format, source, bank_statement_id,
                                content_sealed, content_sha256, warnings, received_at)
    VALUES (:id, :body, :account, :name, :format, :source, :bank_id, :content, :sha256,
            cast(:warnings AS jsonb), :now)
    """
)
_STATEMENT = text(
    """
    INSERT INTO statement (id, file_id, bank_account_id, body, identification, sequence,
                           opening_pence, closing_pence, from_date, to_date, currency, format,
                           line_count, created_at, problem, state)
    VALUES (:id, :file, :account, :body, :identification, :sequence, :opening, :closing, :from_date,
            :to_date, :currency, :format, :count, :now, :problem,
            CASE WHEN :interim THEN 'set_aside' WHEN :problem = '' THEN 'waiting'
                 ELSE 'totals' END)
    """
)
_COLUMNS = {
    "ids": "uuid",
    "booked": "date",
    "valued": "date",
    "amounts": "bigint",
    "kinds": "text",
    "codes": "text",
    "bank_refs": "text",
    "end_to_end": "text",
    "batches": "text",
    "references": "text",
    "keys": "text",
    "hashes": "bytea",
    "reasons": "text",
    "sealed": "bytea",
    "contents": "bytea",
    "occurrences": "integer",
    "uetrs": "text",
}
_LINES = text(
    f"""
    INSERT INTO statement_line (id, statement_id, bank_account_id, seq, booking_date, value_date,
      amount_pence, currency, kind, bank_code, bank_ref, end_to_end_id, batch_ref, reference,
      reference_key, counterparty_hash, return_reason, private_sealed, content_hash, occurrence,
      uetr, set_aside)
    SELECT u.ids, :statement, :account, u.seq, u.booked, u.valued, u.amounts, :currency, u.kinds,
           u.codes, u.bank_refs, u.end_to_end, u.batches, u.references, u.keys, u.hashes, u.reasons,
           u.sealed, u.contents, u.occurrences, u.uetrs, :interim
      FROM unnest({", ".join(f"cast(:{name} AS {type_}[])" for name, type_ in _COLUMNS.items())})
           WITH ORDINALITY AS u({", ".join(f'"{name}"' for name in _COLUMNS)}, seq)
    """.replace("u.references", 'u."references"')
)
_REASONS = {
    "uq_statement_sequence": "A statement of this account with this sequence number is here",
    "uq_statement_line_content": "Lines of this statement are here already, from another file",
    "uq_statement_file_bank_statement_id": "This statement of the bank is here already",
}


@dataclass(frozen=True)
class Imported:
    """What an import brought; ``replay`` when the file was here already."""

    statement_ids: tuple[UUID, ...]
    replay: bool


def import_statements(
    session: Session,
    vault: DetailsVault,
    body: str,
    name: str,
    content: bytes,
    actor: Actor,
    now: datetime,
    *,
    account_id: UUID | None = None,
    source: Literal["upload", "bank"] = "upload",
    bank_statement_id: str | None = None,
    columns: ColumnMap | None = None,
) -> Imported:
    """Read a statement file, store its lines and reconcile its accounts, in one transaction.

    A very large file is only stored here, and reconciled by the worker after the commit.

    The same file again is a replay and changes nothing. Refused, with nothing stored: what no
    reader understands, totals that contradict the lines, an account that is not the body's (or not
    the one chosen), and statements or lines that came in another file.

    Raises:
        Invalid: field ``file``, with line and reason.
        Conflict: ``statement_known``.
    """
    sha256 = hashlib.sha256(content).digest()
    if (known := _find_known(session, body, sha256)) is not None:
        return known
    try:
        read = read_statements(content, columns)
    except UnreadableError as error:
        where = f"Line {error.line}: " if error.line else ""
        raise _refuse(f"{where}{error.reason}") from error
    accounts = [_account_of(session, body, one, account_id) for one in read.statements]
    file_id = new_id()
    facts: dict[str, object] = {"format": read.format, "source": source, "name": name[:200]}
    try:
        with session.begin_nested():
            session.execute(
                _FILE,
                facts
                | {
                    "id": file_id,
                    "body": body,
                    "account": accounts[0].id,
                    "bank_id": bank_statement_id,
                    "content": vault.seal_text(content.decode("latin-1"), f"file:{file_id}"),
                    "sha256": sha256,
                    "warnings": json.dumps(read.warnings[:100]),
                    "now": now,
                },
            )
            stored = tuple(
                _store(session, vault, file_id, account, one, read.format, now)
                for account, one in zip(accounts, read.statements, strict=True)
            )
    except IntegrityError as error:
        # Somebody else imported it in this very moment.
        if (known := _find_known(session, body, sha256)) is not None:
            return known
        for constraint, reason in _REASONS.items():
            if constraint in str(error.orig):
                raise Conflict("statement_known", reason) from error
        raise
    lines = sum(len(one.lines) for one in read.statements)
    told = facts | {"file": file_id}
    _finish(session, stored, {one.id for one in accounts}, actor, now, told, lines)
    return Imported(stored, replay=False)


def _finish(
    session: Session,
    stored: Sequence[UUID],
    accounts: set[UUID],
    actor: Actor,
    now: datetime,
    facts: dict[str, object],
    lines: int,
) -> None:
    for statement_id in stored:
        audit.record(
            session, actor, "reconciliation.statement.imported", "statement", statement_id, facts
        )
    for account in sorted(accounts):
        if lines > MOST_AT_ONCE:
            payload = {"account_id": str(account)}
            key = f"{account}/{facts['file']}"
            enqueue(session, "payments.reconciliation.match", payload, key=key)
        else:
            reconcile_account(session, account, now)


def _find_known(session: Session, body: str, sha256: bytes) -> Imported | None:
    known = session.execute(_FIND_FILE, {"sha256": sha256}).one_or_none()
    if known is None:
        return None
    if known.body != body:
        raise _refuse("The file belongs to another body")
    return Imported(tuple(known.statements or ()), replay=True)


def _refuse(reason: str) -> Invalid:
    return Invalid(
        FieldError("file", reason),
        code="statement_refused",
        title="The statement was not imported",
    )


def _account_of(
    session: Session, body: str, statement: Statement, chosen: UUID | None
) -> BankAccount:
    picked = None if chosen is None else find_bank_account(session, chosen)
    if picked is not None and _says_no_other(statement, picked):
        found: BankAccount | None = picked
    else:
        found = find_account_by_number(session, statement.sort_code, statement.account_number)
    if found is None or found.body != body:
        raise _refuse(
            f"The account ending in {statement.account_number[-4:] or 'nothing'}"
            " is not a bank account of this body"
        )
    if picked is not None and picked.id != found.id:
        raise _refuse(f"The file is of {found.name}, not of {picked.name}")
    if found.currency != statement.currency:
        raise _refuse(f"The statement is in {statement.currency}, the account in {found.currency}")
    return found


def _says_no_other(statement: Statement, picked: BankAccount) -> bool:
    """Tell whether a statement without a sort code may be of the account that a person chose."""
    if statement.sort_code:
        return False
    digits = re.sub(r"[^0-9]", "", statement.account_number)
    return not statement.account_number or digits.endswith(picked.account_number)


def _store(
    session: Session,
    vault: DetailsVault,
    file_id: UUID,
    account: BankAccount,
    statement: Statement,
    format_: str,
    now: datetime,
) -> UUID:
    statement_id = new_id()
    session.execute(
        _STATEMENT,
        {
            "id": statement_id,
            "file": file_id,
            "account": account.id,
            "body": account.body,
            "identification": statement.identification[:100],
            "sequence": statement.sequence,
            "opening": statement.opening_pence,
            "closing": statement.closing_pence,
            "from_date": statement.from_date,
            "to_date": statement.to_date,
            "currency": statement.currency,
            "format": format_,
            "count": len(statement.lines),
            "problem": statement.problem[:500],
            "interim": statement.interim,
            "now": now,
        },
    )
    if statement.lines:
        values: dict[str, object] = {
            "statement": statement_id,
            "account": account.id,
            "currency": statement.currency,
            "interim": statement.interim,
        }
        session.execute(_LINES, values | _line_columns(vault, statement.lines))
    return statement_id


def _line_columns(vault: DetailsVault, lines: Sequence[StatementLine]) -> dict[str, list[object]]:
    occurrences = count_occurrences(lines)
    rows = []
    for line, occurrence in zip(lines, occurrences, strict=True):
        line_id = new_id()
        hashed = None
        if line.counterparty_account:
            hashed = account_hash(vault, line.counterparty_sort_code, line.counterparty_account)
        private = {
            "name": line.counterparty_name,
            "sort_code": line.counterparty_sort_code,
            "account": line.counterparty_account,
            "narrative": line.narrative,
        }
        rows.append(
            (
                line_id,
                line.booking_date,
                line.value_date,
                line.amount_pence,
                line.kind,
                line.bank_code,
                line.bank_ref,
                line.end_to_end_id,
                line.batch_ref,
                line.reference,
                reference_key(line.reference),
                hashed,
                line.return_reason,
                vault.seal_text(json.dumps(private), line_record(line_id)),
                line.content_hash,
                occurrence,
                line.uetr,
            )
        )
    return {
        name: list(column) for name, column in zip(_COLUMNS, zip(*rows, strict=True), strict=True)
    }
