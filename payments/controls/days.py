"""When a run goes to the bank and when its money is in the accounts (payments contract 10)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from payments.bank import calendar
from payments.bank.calendar import Direction
from shared.clock import LONDON

# Input of a day is possible until then; none means at any time. Nobody has confirmed them (10).
DEFAULT_CUT_OFFS: dict[str, time | None] = {
    "bacs": time(22, 30),
    "chaps": time(17, 0),
    "faster_payments": None,
}
# Their money arrives on the day of the input; Bacs takes three days.
SAME_DAY_RAILS = frozenset({"faster_payments", "chaps"})
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """The three days of a run, and why they are not the days that were wanted."""

    wanted: date | None
    input_day: date
    processing_day: date
    entry_day: date
    reasons: tuple[str, ...]
    scottish_holiday: str | None
    is_late: bool

    def is_due(self, today: date) -> bool:
        """Tell whether the run's input day has come."""
        return self.input_day <= today


def direction_of(kind: str) -> Direction:
    """Return where an entry date moves: people are paid earlier, suppliers later."""
    return "later" if kind == "suppliers" else "earlier"


def first_input_day(
    now: datetime, closings: Collection[date], cut_off: time | None, rail: str = "bacs"
) -> tuple[date, tuple[str, ...]]:
    """Return the first day on which input is possible, and why it is not today."""
    local = now.astimezone(LONDON)
    day, reasons = local.date(), []
    if cut_off is not None and local.time() > cut_off and why_no_input(day, closings, rail) is None:
        reasons.append(f"{calendar.say(day)}: after the cut-off at {cut_off:%H:%M}")
        day += _ONE_DAY
    while (closed := why_no_input(day, closings, rail)) is not None:
        reasons.append(f"{calendar.say(day)}: {closed}")
        day += _ONE_DAY
    return day, tuple(reasons)


def make_plan(
    now: datetime,
    wanted: date | None,
    direction: Direction,
    closings: Collection[date] = (),
    cut_off: time | None = None,
    rail: str = "bacs",
) -> Plan:
    """Return the days of a run whose money shall be in the accounts on a day, or soon.

    A day that the rail does not work on moves in the direction. To pay on day D through Bacs the
    input is two Bacs days before; CHAPS and Faster Payments arrive on the day of their input,
    the first on Bacs days only, the second on any. Where the input day has passed, the money
    comes as early as it can.

    Raises:
        ValueError: the bank holidays of that year are not known yet.
    """
    first, waits = first_input_day(now, closings, cut_off, rail)
    if rail in SAME_DAY_RAILS:
        return _same_day(wanted, first, waits, direction, closings, rail)
    if wanted is None:
        return _from_input(None, first, waits, is_late=False)
    shift = calendar.explain_shift(wanted, direction)
    input_day = calendar.input_day_for(shift.moved_to)
    reasons = list(shift.reasons)
    while input_day in closings:
        reasons.append(f"{calendar.say(input_day)}: closing day of the organisation")
        input_day = calendar.shift(input_day, -1)
    if input_day < first:
        reasons.append(
            f"{calendar.say(shift.moved_to)}: input would have been on {calendar.say(input_day)}"
        )
        return _from_input(wanted, first, (*reasons, *waits), is_late=True)
    return Plan(
        wanted,
        input_day,
        calendar.processing_day_for(shift.moved_to),
        shift.moved_to,
        tuple(reasons),
        shift.scottish_holiday,
        is_late=False,
    )


def _from_input(
    wanted: date | None, input_day: date, reasons: tuple[str, ...], *, is_late: bool
) -> Plan:
    processing_day = calendar.next_processing_day(input_day)
    entry_day = calendar.entry_day_for(processing_day)
    scottish = calendar.scottish_holiday(entry_day)
    return Plan(wanted, input_day, processing_day, entry_day, reasons, scottish, is_late)


def why_no_input(day: date, closings: Collection[date], rail: str) -> str | None:
    """Say why nothing can be put in on a day, or None when it can."""
    closed = calendar.why_closed(day)
    if closed is not None and rail != "faster_payments":
        return closed
    return "closing day of the organisation" if day in closings else None


def _same_day(
    wanted: date | None,
    first: date,
    waits: tuple[str, ...],
    direction: Direction,
    closings: Collection[date],
    rail: str,
) -> Plan:
    """Return the plan of a rail whose money arrives on the day of its input."""
    if wanted is None:
        return _on_day(None, first, waits, is_late=False)
    day, reasons = wanted, []
    step = _ONE_DAY if direction == "later" else -_ONE_DAY
    while (closed := why_no_input(day, closings, rail)) is not None:
        reasons.append(f"{calendar.say(day)}: {closed}")
        day += step
    if day < first:
        reasons.append(f"{calendar.say(day)}: input would have been on {calendar.say(day)}")
        return _on_day(wanted, first, (*reasons, *waits), is_late=True)
    return _on_day(wanted, day, tuple(reasons), is_late=False)


def _on_day(wanted: date | None, day: date, reasons: tuple[str, ...], *, is_late: bool) -> Plan:
    return Plan(wanted, day, day, day, reasons, calendar.scottish_holiday(day), is_late)
