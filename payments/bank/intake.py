"""Takes the bank's reports in: kept byte for byte, compared with what was sent, then applied."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.advices.amended import apply_amendments
from payments.bank.advices.bacs import apply_input_report, apply_returns
from payments.bank.advices.matching import Contradiction
from payments.bank.advices.pain002 import (
    StatusReport,
    is_status_report,
    read_status_report,
)
from payments.bank.advices.statuses import apply_statuses
from payments.bank.reports import (
    AS_PUBLISHED,
    BacsReport,
    InputReport,
    Names,
    ReturnAdvice,
    read_report,
)
from payments.bank.safe_xml import UnreadableError
from payments.bank.work.actions import NewItem, open_items, settle_item
from payments.bank.work.rules import WorkKind
from payments.payees.bank_details import DetailsVault
from shared import audit
from shared.actors import SYSTEM, Actor
from shared.errors import Conflict, NotFound
from shared.ids import new_id

_KEEP = text(
    """
    INSERT INTO bank_report (id, bank_report_id, kind, content_sealed, content_sha256, state,
                             received_at)
    VALUES (:id, :bank_id, :kind, :content, :sha256, 'unread', :now)
    ON CONFLICT (bank_report_id) DO NOTHING RETURNING id
    """
)
_TWIN = text(
    "SELECT bank_report_id FROM bank_report WHERE content_sha256 = :sha256 AND state = 'read'"
)
_MARK = text(
    "UPDATE bank_report SET state = :state, problem = :problem, submission_id = :submission,"
    " body = :body WHERE id = :id"
)
_BODY = text(
    "SELECT min(body) FROM bank_account WHERE service_user_number = ANY(:users)"
    " HAVING count(DISTINCT body) = 1"
)
_AGAIN = text(
    "SELECT bank_report_id, content_sealed, content_sha256 FROM bank_report"
    " WHERE id = :id AND body = :body AND state = 'unread' FOR UPDATE"
)
_SIX_DIGITS = re.compile(rb"(?<![0-9])[0-9]{6}(?![0-9])")
_MOST_NUMBERS = 1000


@dataclass(frozen=True)
class _Outcome:
    state: str
    problem: str
    submission: UUID | None = None
    kind: WorkKind | None = None


def take_report(
    session: Session,
    vault: DetailsVault,
    bank_report_id: str,
    kind: str,
    content: bytes,
    now: datetime,
    names: Names = AS_PUBLISHED,
) -> bool:
    """Keep a report and apply it; False when it was here already.

    What cannot be read, contradicts our file or fits no payment uniquely is kept as a problem and
    is work for a person; it moves no payment. The same content under another name changes nothing
    and says so.
    """
    sha256 = hashlib.sha256(content).digest()
    twin = session.execute(_TWIN, {"sha256": sha256}).scalar_one_or_none()
    report_id: UUID | None = session.execute(
        _KEEP,
        {
            "id": new_id(),
            "bank_id": bank_report_id,
            "kind": kind,
            "content": vault.seal_text(content.decode("latin-1"), report_record(bank_report_id)),
            "sha256": sha256,
            "now": now,
        },
    ).scalar_one_or_none()
    if report_id is None:
        return False
    if twin is not None:
        done = _Outcome("unread", f"the same content as report {twin}")
    else:
        done = _try(session, vault, report_id, content, now, names)
    _mark(session, report_id, content, done, now)
    facts = {"kind": kind, "state": done.state, "problem": done.problem}
    audit.record(session, SYSTEM, "bank.report.taken", "bank_report", bank_report_id, facts)
    return True


def leave_report(
    session: Session,
    vault: DetailsVault,
    bank_report_id: str,
    kind: str,
    problem: str,
    now: datetime,
) -> bool:
    """Write down that a report was not fetched, and why; False when it was written down already.

    It is listed with the reports that wait for a person, and the bank is asked for it no more.
    """
    report_id: UUID | None = session.execute(
        _KEEP,
        {
            "id": new_id(),
            "bank_id": bank_report_id,
            "kind": kind,
            "content": vault.seal_text("", report_record(bank_report_id)),
            "sha256": hashlib.sha256(bank_report_id.encode()).digest(),
            "now": now,
        },
    ).scalar_one_or_none()
    if report_id is None:
        return False
    _mark(session, report_id, b"", _Outcome("unread", problem), now)
    facts: dict[str, object] = {"kind": kind, "state": "unread", "problem": problem}
    audit.record(session, SYSTEM, "bank.report.taken", "bank_report", bank_report_id, facts)
    return True


def take_again(
    session: Session,
    vault: DetailsVault,
    body: str,
    report_id: UUID,
    actor: Actor,
    now: datetime,
    names: Names = AS_PUBLISHED,
) -> bool:
    """Try a report once more that could not be applied; tells whether it could be now.

    Raises:
        NotFound: the body has no such report, or it was applied.
    """
    row = session.execute(_AGAIN, {"id": report_id, "body": body}).one_or_none()
    if row is None:
        raise NotFound("no_such_report", "There is no such report that waits")
    content = open_report(vault, row.bank_report_id, bytes(row.content_sealed))
    twin = session.execute(_TWIN, {"sha256": bytes(row.content_sha256)}).scalar_one_or_none()
    if twin is not None:
        raise Conflict("report_twin", f"The same content was applied as report {twin}")
    done = _try(session, vault, report_id, content, now, names)
    _mark(session, report_id, content, done, now)
    facts = {"state": done.state, "problem": done.problem}
    audit.record(session, actor, "bank.report.again", "bank_report", row.bank_report_id, facts)
    if not done.problem:
        result = "the report was applied"
        settle_item(session, body, f"report/{report_id}", result, actor, now)
    return not done.problem


def open_report(vault: DetailsVault, bank_report_id: str, sealed: bytes) -> bytes:
    """Return a kept report byte for byte."""
    return vault.open_text(sealed, report_record(bank_report_id)).encode("latin-1")


def _mark(session: Session, report_id: UUID, content: bytes, done: _Outcome, now: datetime) -> None:
    body = _find_body(session, content)
    values = {"state": done.state, "problem": done.problem, "submission": done.submission}
    session.execute(_MARK, values | {"id": report_id, "body": body})
    if done.kind is None or body is None:
        return
    item = NewItem(
        body,
        f"report/{report_id}",
        done.kind,
        "find_out",
        reason=done.problem,
        report_id=report_id,
        submission_id=done.submission,
    )
    open_items(session, [item], now)


def report_record(bank_report_id: str) -> str:
    """Return the name under which a report's bytes are sealed."""
    return f"report:{bank_report_id}"


def _try(
    session: Session,
    vault: DetailsVault,
    report_id: UUID,
    content: bytes,
    now: datetime,
    names: Names,
) -> _Outcome:
    try:
        report: BacsReport | StatusReport
        if is_status_report(content):
            report = read_status_report(content)
        else:
            report = read_report(content, names)
        with session.begin_nested():
            submission, problem = _apply(session, vault, report_id, report, now)
    except UnreadableError as error:
        return _Outcome("unread", str(error), kind="report_unread")
    except Contradiction as error:
        return _Outcome("unread", str(error), kind="report_contradicts")
    return _Outcome("read", problem, submission, "report_contradicts" if problem else None)


def _apply(
    session: Session,
    vault: DetailsVault,
    report_id: UUID,
    report: BacsReport | StatusReport,
    now: datetime,
) -> tuple[UUID | None, str]:
    if isinstance(report, StatusReport):
        return apply_statuses(session, report_id, report, now), ""
    if isinstance(report, InputReport):
        return apply_input_report(session, vault, report_id, report, now), ""
    if isinstance(report, ReturnAdvice):
        return None, apply_returns(session, vault, report_id, report, now)
    return None, apply_amendments(session, vault, report_id, report, now)


def _find_body(session: Session, content: bytes) -> str | None:
    """Return the body whose service user numbers a report holds, None for none and for several.

    Works for reports that cannot be read too, so that nobody else's files are shown to a body.
    """
    numbers = islice(_SIX_DIGITS.finditer(content), _MOST_NUMBERS)
    users = {one.group().decode() for one in numbers}
    # A pain.002 names our message: service user number and serial in one.
    users |= {
        one[:6].decode() for one in re.findall(rb"(?<![0-9])[0-9]{12}(?![0-9])", content[:4096])
    }
    found: str | None = session.execute(_BODY, {"users": sorted(users)}).scalar_one_or_none()
    return found
