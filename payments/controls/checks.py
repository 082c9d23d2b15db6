"""What the rules of a body say of one run: asked by its steps and shown on its page."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from payments.bank import calendar
from payments.controls.duties import Duty
from payments.controls.queries.rules import count_above, get_rules, sum_paid_on
from payments.controls.rules import (
    Demand,
    Measure,
    SignIn,
    Subject,
    demand_of,
    find_limit,
    is_stepped_up,
)
from payments.controls.standing_in.authority import authority_over_run
from payments.runs.models import body
from payments.runs.queries.runs import Run
from payments.runs.queries.totals import Figure
from shared.clock import london_date
from shared.errors import Conflict, Forbidden
from shared.money import format_pounds

# How long ago a person may have signed in, with two factors, for a step that asks for it.
STEP_UP_WITHIN = timedelta(minutes=10)
_TWO_FACTORS = "step_up_needed"


@dataclass(frozen=True)
class Standing:
    """How a person stands towards the approval of a run."""

    demand: Demand
    authority_pence: int | None
    conflict: Duty | None
    step_up: bool

    def is_within_authority(self, total_pence: int) -> bool:
        """Tell whether the person's authority covers a total."""
        return self.authority_pence is None or total_pence <= self.authority_pence


def standing_of(
    session: Session, run: Run, total_pence: int, person_id: str, now: datetime, under: str = ""
) -> Standing:
    """Return what the approval of a run asks for, and what speaks against this person.

    ``under`` is what gives them the role, where it is not their own.
    """
    rules = get_rules(session, run.organisation)
    subject = Subject(run.programme.id, run.rail, total_pence)
    demand = demand_of(rules, subject, run.programme.approvals_needed)
    day = london_date(now)
    authority = authority_over_run(
        session, run.organisation, run.id, rules, subject, person_id, under, day
    )
    return Standing(
        demand,
        authority.pence,
        authority.conflict,
        demand.step_up or steps_up_everywhere(session, run.organisation),
    )


def check_standing(
    standing: Standing, total_pence: int, sign_in: SignIn | None, now: datetime
) -> None:
    """Refuse an approval that duties, authority or the sign-in do not allow.

    Raises:
        Forbidden: ``same_person``, ``beyond_authority``, or ``step_up_needed``: a fresh sign-in
            with two factors makes the last possible.
    """
    if standing.conflict is not None:
        raise Forbidden(
            "same_person",
            "Another person has to approve this run",
            detail=f"{standing.conflict.sentence} Nobody can do both, whatever their roles.",
        )
    if not standing.is_within_authority(total_pence):
        most = format_pounds(standing.authority_pence or 0)
        raise Forbidden(
            "beyond_authority",
            "This run is beyond your delegated authority",
            detail=f"It is {format_pounds(total_pence)} in all; you may approve up to {most} of "
            "this programme today.",
        )
    if standing.step_up:
        check_step_up(sign_in, now)


def check_step_up(sign_in: SignIn | None, now: datetime) -> None:
    """Refuse a step without a fresh sign-in with two factors."""
    if not is_stepped_up(sign_in, now, STEP_UP_WITHIN):
        raise Forbidden(_TWO_FACTORS, "Sign in again, with a second factor, to do this", detail="")


def steps_up_everywhere(session: Session, organisation: str) -> bool:
    """Tell whether a body wants a fresh sign-in for approval, release, override and limits."""
    found = session.execute(
        body.select().with_only_columns(body.c.step_up).where(body.c.organisation == organisation)
    ).scalar_one_or_none()
    return found == "all"


def check_limits(session: Session, run: Run, total: Figure, *states: str) -> None:
    """Refuse a run of which one payment, or all together, are above the body's limits.

    Raises:
        Conflict: ``payment_over_limit`` or ``run_over_limit``, with the amounts.
    """
    rules = get_rules(session, run.organisation)
    subject = Subject(run.programme.id, run.rail, total.total_pence)
    single = find_limit(rules, subject, "payment")
    if single is not None:
        count, reference = count_above(session, run.id, single, *states)
        if count:
            raise Conflict(
                "payment_over_limit",
                f"{count} payment(s) are above the limit of {format_pounds(single)} for one",
                detail=f"One of them is {reference}. Correct or remove them first.",
            )
    whole = find_limit(rules, subject, "run")
    if whole is not None and total.total_pence > whole:
        raise Conflict(
            "run_over_limit",
            f"The run is above the limit of {format_pounds(whole)} for one run",
            detail=f"It is {format_pounds(total.total_pence)}. Split it into several runs.",
        )


def find_day_limit(session: Session, run: Run, total_pence: int, day: date) -> str | None:
    """Say which limit of its account a run would pass that is processed on a day, if any."""
    rules = get_rules(session, run.organisation)
    subject = Subject(run.programme.id, run.rail, total_pence)
    before, after = calendar.shift(day, -1), calendar.next_processing_day(day)
    windows: tuple[tuple[Measure, list[list[date]]], ...] = (
        ("day", [[day]]),
        ("two_days", [[before, day], [day, after]]),
    )
    for measure, days in windows:
        limit = find_limit(rules, subject, measure)
        if limit is None:
            continue
        for window in days:
            others = sum_paid_on(session, run, window)
            if others + total_pence > limit:
                span = " and ".join(one.isoformat() for one in window)
                return (
                    f"{format_pounds(others)} is paid from this account on {span} already, and "
                    f"the limit is {format_pounds(limit)}"
                )
    return None
