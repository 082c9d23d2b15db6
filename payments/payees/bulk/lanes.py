"""Asking the rows of a file: claimed and recorded one by one, so that a kill leaves one in doubt.

A row that is claimed carries its check's id. If the process ends before the answer is recorded,
the lane's next run asks again under the same id; a row with an answer is never asked again.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.payees.actions import (
    CheckedRequest,
    Checker,
    CheckRequest,
    check_request,
    claim_check,
    record_answer,
)
from payments.payees.bulk.queries import Batch, read_part
from payments.payees.bulk.rules import MAXIMUM_TRIES, PART_ROWS, NameRow, part_of
from payments.payees.provider import NameAnswer
from payments.payees.rules import NO_ANSWER
from shared.errors import Problem

_IN_DOUBT = text(
    """
    SELECT number, check_id, tries FROM name_batch_row
     WHERE batch_id = :batch AND lane = :lane AND state = 'asking' ORDER BY number LIMIT 1
    """
)
_NEXT = text(
    """
    SELECT r.number, r.check_id, r.tries FROM name_batch_row r
      JOIN name_batch b ON b.id = r.batch_id AND b.state = 'running' AND b.first_lane <= :lane
     WHERE r.batch_id = :batch AND r.state = 'waiting' ORDER BY r.tries, r.number LIMIT 1
       FOR UPDATE OF r SKIP LOCKED
    """
)
_CLAIM = text(
    """
    UPDATE name_batch_row SET state = 'asking', lane = :lane, check_id = :check
     WHERE batch_id = :batch AND number = :number
    """
)
_REFUSE = text(
    """
    WITH refused AS (
      UPDATE name_batch_row SET state = 'invalid', outcome = 'invalid', fault = :fault
       WHERE batch_id = :batch AND (number = :number OR same_as = :number)
         AND state IN ('waiting', 'asking', 'same')
      RETURNING 1
    )
    INSERT INTO name_batch_count AS c (batch_id, lane, outcome, reason_code, rows)
    SELECT :batch, :lane, 'invalid', '', count(*) FROM refused
    ON CONFLICT (batch_id, lane, outcome, reason_code)
    DO UPDATE SET rows = c.rows + excluded.rows
    """
)
_TRY_AGAIN = text(
    """
    UPDATE name_batch_row SET state = 'waiting', lane = NULL, tries = tries + 1
     WHERE batch_id = :batch AND number = :number AND state = 'asking' AND check_id = :check
    """
)
# What stands in the file twice gets the answer too.
_RECORD = text(
    """
    WITH asked AS (
      UPDATE name_batch_row SET state = 'answered', outcome = :outcome, reason_code = :code
       WHERE batch_id = :batch AND number = :number AND state = 'asking' AND check_id = :check
      RETURNING number
    ), told AS (
      UPDATE name_batch_row r
         SET state = 'answered', outcome = :outcome, reason_code = :code, check_id = :check
        FROM asked WHERE r.batch_id = :batch AND r.same_as = asked.number AND r.state = 'same'
      RETURNING 1
    ), counted AS (SELECT (SELECT count(*) FROM asked) + (SELECT count(*) FROM told) AS rows)
    INSERT INTO name_batch_count AS c (batch_id, lane, outcome, reason_code, rows)
    SELECT :batch, :lane, :outcome, :key, counted.rows FROM counted WHERE counted.rows > 0
    ON CONFLICT (batch_id, lane, outcome, reason_code)
    DO UPDATE SET rows = c.rows + excluded.rows
    """
)


@dataclass(frozen=True)
class Asking:
    """A claimed row: the question and the id under which it is asked."""

    number: int
    check_id: UUID
    tries: int
    request: CheckRequest
    checked: CheckedRequest


class Lane:
    """One lane of a file, with the part it works on opened once."""

    def __init__(self, checker: Checker, batch: Batch, number: int) -> None:
        self._checker, self._batch, self._number = checker, batch, number
        self._part = 0
        self._rows: list[NameRow] = []

    def take(self, session: Session) -> Asking | None:
        """Claim the next row to ask: first what an earlier run left in doubt; None for none.

        A row that may not be asked (too many names for its account) is marked and passed over.
        """
        values = {"batch": self._batch.id, "lane": self._number}
        while True:
            doubtful = session.execute(_IN_DOUBT, values).one_or_none()
            row = doubtful or session.execute(_NEXT, values).one_or_none()
            if row is None:
                return None
            try:
                with session.begin_nested():
                    request, checked = self._read(session, row.number)
                    check_id = row.check_id or claim_check(
                        session, self._checker, request, checked, self._batch.actor
                    )
            except Problem as problem:
                fault = {"number": row.number, "fault": problem.title}
                session.execute(_REFUSE, values | fault)
                continue
            session.execute(_CLAIM, values | {"number": row.number, "check": check_id})
            return Asking(row.number, check_id, row.tries, request, checked)

    def _read(self, session: Session, number: int) -> tuple[CheckRequest, CheckedRequest]:
        part = part_of(number)
        if part != self._part:
            self._rows = read_part(session, self._checker.vault, self._batch.id, part)
            self._part = part
        row = self._rows[(number - 1) % PART_ROWS]
        request = row.request(self._batch.organisation)
        return request, check_request(self._checker.tables, request)

    def record(self, session: Session, asking: Asking, answer: NameAnswer) -> bool:
        """Keep an answer, once; False when there was none and the row is to be asked later."""
        values: dict[str, object] = {
            "batch": self._batch.id,
            "lane": self._number,
            "number": asking.number,
            "check": asking.check_id,
        }
        if answer.reason_code == NO_ANSWER and asking.tries + 1 < MAXIMUM_TRIES:
            session.execute(_TRY_AGAIN, values)
            return False
        outcome, code, _ = record_answer(session, self._checker, asking.check_id, answer)
        session.execute(
            _RECORD, values | {"outcome": outcome.group, "code": code, "key": code or ""}
        )
        return True
