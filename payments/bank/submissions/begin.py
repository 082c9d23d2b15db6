"""Begins the bank file of a released run: serial, control totals, parts; shards write it."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.formats.profile import Rail
from payments.bank.queries import BankAccount, find_bank_account, get_submission_of_run
from payments.bank.submissions.routes import Route, find_route
from payments.bank.submissions.rules import PART_PAYMENTS, Total, find_difference
from payments.bank.work.actions import NewItem, open_items
from payments.stages.actions import begin_stage
from shared import audit
from shared.actors import SYSTEM
from shared.clock import london_date
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.money import format_pounds

WRITE_TOPIC = "payments.bank.write_part"
SEAL_TOPIC = "payments.bank.seal_file"

_RUN = text(
    """
    SELECT r.organisation, r.state, r.round, r.rail, r.rail_reason, r.processing_date,
           p.bank_account_id
      FROM run r JOIN programme p ON p.id = r.programme_id WHERE r.id = :run FOR UPDATE OF r
    """
)
_NEXT_SERIAL = text(
    """
    INSERT INTO volume_serial (service_user_number, last) VALUES (:user, 1)
    ON CONFLICT (service_user_number) DO UPDATE SET last = volume_serial.last % 999999 + 1
    RETURNING last
    """
)
_RELEASED = text(
    "SELECT count(*) AS payments, coalesce(sum(amount_pence), 0)::bigint AS pence,"
    " coalesce(max(amount_pence), 0) AS largest FROM payment"
    " WHERE run_id = :run AND state = 'released'"
)
_PUT_FORWARD = text(
    """
    SELECT (details->>'payments')::bigint AS payments,
           (details->>'total_pence')::bigint AS pence, at
      FROM run_event WHERE run_id = :run AND payment_id IS NULL
       AND kind IN ('put_forward', 'content_fixed')
       AND details->>'round' = :round AND details ? 'payments' AND details ? 'total_pence'
     ORDER BY id DESC LIMIT 1
    """
)
_RECALLED = text(
    "SELECT count(*) AS payments, coalesce(sum(amount_pence), 0)::bigint AS pence FROM payment"
    " WHERE run_id = :run AND state = 'recalled'"
    " AND (cast(:since AS timestamptz) IS NULL OR state_at >= :since)"
)
_SUBMISSION = text(
    """
    INSERT INTO submission (id, body, run_id, bank_account_id, service_user_number, serial,
                            processing_day, payment_count, total_pence, created_at, rail,
                            file_format, channel, profile, approved_count, approved_pence,
                            recalled_count, recalled_pence)
    VALUES (:id, :body, :run, :account, :user, :serial, :day, :count, :pence, :now, :rail,
            :file_format, :channel, cast(:profile AS jsonb), :approved_count, :approved_pence,
            :recalled_count, :recalled_pence)
    """
)
# The ends of a part are known by their numbers: joining them to the lines again would compare
# every line with every part when the planner takes the run for small.
_PARTS = text(
    """
    WITH line AS (
      SELECT id, amount_pence, row_number() OVER (ORDER BY id) AS number
        FROM payment WHERE run_id = :run AND state = 'released')
    INSERT INTO submission_part (submission_id, number, first_line, payment_count, total_pence,
                                 first_payment_id, last_payment_id)
    SELECT :id, (number - 1) / :size + 1, min(number), count(*), sum(amount_pence),
           (array_agg(id ORDER BY number) FILTER (WHERE number % :size = 1))[1],
           (array_agg(id ORDER BY number DESC))[1]
      FROM line GROUP BY (number - 1) / :size
    """
)
_ATTEMPT = text(
    """
    INSERT INTO attempt (id, submission_id, number, state, payment_count, total_pence)
    VALUES (:attempt, :id, 1, 'prepared', :count, :pence)
    """
)
_RANGES = text(
    "SELECT first_line, first_line + payment_count - 1 FROM submission_part"
    " WHERE submission_id = :id AND number > 0 ORDER BY number"
)
_KEEP_STAGE = text("UPDATE submission SET stage_id = :stage WHERE id = :id")


@dataclass(frozen=True)
class _Totals:
    approved: Total | None
    recalled: Total
    released: Total
    largest_pence: int


def begin_submission(
    session: Session, run_id: UUID, now: datetime, *, after_withdrawal: bool = False
) -> UUID:
    """Begin the bank file of a released run and return its id; it is written after the commit.

    The file carries exactly the payments that are ``released``. A run that has a submission keeps
    it; with ``after_withdrawal`` one that was just taken back gets a new one instead. When what is
    released and recalled is not what was approved, nothing is written and a work
    item says so.

    Raises:
        NotFound: no such run or bank account.
        Conflict: ``run_state``; ``run_empty``; ``run_refused``, the bank refused its file;
            ``cannot_pay``, the account has no service user number; ``rail_not_for_files``;
            ``rail_reason_missing``, a rail beside Bacs needs a written reason;
            ``amount_over_limit`` of the rail; ``no_processing_day``.
    """
    run = session.execute(_RUN, {"run": run_id}).one_or_none()
    if run is None:
        raise NotFound("no_such_run", "There is no such run")
    known = get_submission_of_run(session, run_id)
    if known is not None:
        if known.state == "refused" and not after_withdrawal:
            raise Conflict("run_refused", "The bank refused the file of this run")
        if known.state != "refused":
            return known.id
    if run.state != "released":
        raise Conflict("run_state", "Only a released run goes to the bank")
    rail = _check_rail(run.rail, run.rail_reason)
    account = _paying_account(session, run.bank_account_id, run.organisation)
    route = find_route(session, account.id, rail)
    totals = _count(session, run_id, run.round)
    _check_totals(totals, route, rail)
    if run.processing_date is None:
        raise Conflict("no_processing_day", "The run has no processing day")
    submission_id = new_id()
    _store(session, submission_id, run_id, account, rail, route, totals, run.processing_date, now)
    difference = find_difference(totals.approved, totals.recalled, totals.released)
    if difference is None:
        start_writing(session, submission_id, account.body, now)
    else:
        item = NewItem(
            account.body,
            f"totals/{submission_id}",
            "totals_differ",
            "find_out",
            reason=difference,
            submission_id=submission_id,
            amount_pence=totals.released.pence,
        )
        open_items(session, [item], now)
    return submission_id


def start_writing(session: Session, submission_id: UUID, body: str, now: datetime) -> UUID:
    """Have the parts of a submission written after the commit; returns the stage's id."""
    ranges = [(row[0], row[1]) for row in session.execute(_RANGES, {"id": submission_id})]
    stage_id = begin_stage(
        session,
        body,
        submission_id,
        "bank_file",
        ranges,
        topic=WRITE_TOPIC,
        finish_topic=SEAL_TOPIC,
        now=now,
    )
    session.execute(_KEEP_STAGE, {"stage": stage_id, "id": submission_id})
    return stage_id


def _check_rail(rail: str, reason: str) -> Rail:
    if rail not in ("bacs", "faster_payments", "chaps"):
        raise Conflict("rail_not_for_files", "Payments on this rail are not sent to a bank")
    if rail != "bacs" and not reason.strip():
        raise Conflict(
            "rail_reason_missing",
            "Say why the run is not paid through Bacs",
            detail="Public money goes through Bacs unless there is a written reason.",
        )
    return rail  # type: ignore[return-value]  # one of the three since the check above


def _paying_account(session: Session, account_id: UUID, body: str) -> BankAccount:
    account = find_bank_account(session, account_id)
    if account is None or account.body != body:
        raise NotFound("no_such_bank_account", "There is no such bank account")
    if not account.service_user_number:
        raise Conflict("cannot_pay", "This bank account has no service user number")
    return account


def _count(session: Session, run_id: UUID, round_: int) -> _Totals:
    released = session.execute(_RELEASED, {"run": run_id}).one()
    forward = session.execute(_PUT_FORWARD, {"run": run_id, "round": str(round_)}).one_or_none()
    since = None if forward is None else forward.at
    recalled = session.execute(_RECALLED, {"run": run_id, "since": since}).one()
    return _Totals(
        None if forward is None else Total(forward.payments, forward.pence),
        Total(recalled.payments, recalled.pence),
        Total(released.payments, released.pence),
        released.largest,
    )


def _check_totals(totals: _Totals, route: Route, rail: Rail) -> None:
    if not totals.released.count:
        raise Conflict("run_empty", "No payment of this run is released")
    limit = route.profile.limit_pence(rail)
    if totals.largest_pence > limit:
        raise Conflict(
            "amount_over_limit",
            f"A payment of {format_pounds(totals.largest_pence)} is above the limit of this rail,"
            f" {format_pounds(limit)}",
        )


def _store(
    session: Session,
    submission_id: UUID,
    run_id: UUID,
    account: BankAccount,
    rail: Rail,
    route: Route,
    totals: _Totals,
    day: date,
    now: datetime,
) -> None:
    user = account.service_user_number
    serial = f"{session.execute(_NEXT_SERIAL, {'user': user}).scalar_one():06d}"
    count, pence = totals.released.count, totals.released.pence
    approved = totals.approved
    session.execute(
        _SUBMISSION,
        {
            "id": submission_id,
            "body": account.body,
            "run": run_id,
            "account": account.id,
            "user": user,
            "serial": serial,
            "day": day,
            "count": count,
            "pence": pence,
            "now": now,
            "rail": rail,
            "file_format": route.file_format,
            "channel": route.channel,
            "profile": json.dumps(route.profile.model_dump(mode="json", exclude_defaults=True)),
            "approved_count": None if approved is None else approved.count,
            "approved_pence": None if approved is None else approved.pence,
            "recalled_count": totals.recalled.count,
            "recalled_pence": totals.recalled.pence,
        },
    )
    session.execute(_PARTS, {"run": run_id, "id": submission_id, "size": PART_PAYMENTS})
    session.execute(
        _ATTEMPT, {"attempt": new_id(), "id": submission_id, "count": count, "pence": pence}
    )
    facts = {"run_id": run_id, "serial": serial, "payments": count, "total_pence": pence}
    facts |= {"rail": rail, "file_format": route.file_format, "day": london_date(now)}
    audit.record(session, SYSTEM, "bank.submission.begun", "submission", submission_id, facts)
