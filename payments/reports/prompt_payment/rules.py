"""How soon an invoice was paid: within 10 working days, and within 30 days (SPFM).

The day of receipt is day 0. An invoice is paid on the day its money reaches the payee's account,
the Bacs day after the processing day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from payments.bank.calendar import entry_day_for, scottish_holiday, why_closed

Division = Literal["scotland", "england-and-wales"]
PROMPT_WORKING_DAYS = 10
CONTRACT_DAYS = 30
_SATURDAY = 5
_ONE_DAY = timedelta(days=1)
# Beyond so many days nothing changes in the answer, so that a mistyped year costs no loop.
_FAR = 400


def is_working_day(day: date, division: Division) -> bool:
    """Tell whether a day is a working day there; years without a calendar have no holidays."""
    if day.weekday() >= _SATURDAY:
        return False
    if division == "scotland":
        return scottish_holiday(day) is None
    try:
        return why_closed(day) is None
    except ValueError:
        return True


@lru_cache(maxsize=4096)
def working_days_between(received: date, paid: date, division: Division) -> int:
    """Return the working days after the day of receipt up to and with the day of payment."""
    if (paid - received).days > _FAR:
        return _FAR
    day, count = received, 0
    while day < paid:
        day += _ONE_DAY
        count += is_working_day(day, division)
    return count


@dataclass(frozen=True)
class Paid:
    """Payments of a programme with the same day of receipt and the same processing day."""

    programme: str
    received: date
    processed: date
    payments: int
    pence: int


@dataclass(frozen=True)
class Figure:
    """Of how many invoices how many were paid in time."""

    programme: str
    month: date
    invoices: int
    pence: int
    within_10: int
    within_30: int

    @property
    def percent_10(self) -> str:
        """Share paid within 10 working days, one decimal, empty without invoices."""
        return share(self.within_10, self.invoices)

    @property
    def percent_30(self) -> str:
        """Share paid within 30 days."""
        return share(self.within_30, self.invoices)


def share(part: int, whole: int) -> str:
    """Return a share as percent with one decimal, cut off and never rounded up to 100."""
    if not whole:
        return ""
    tenths = 1000 * part // whole
    return f"{tenths // 10}.{tenths % 10} %"


def figures_of(paid: Iterable[Paid], division: Division) -> list[Figure]:
    """Return the figures by month of payment and programme, in that order."""
    sums: dict[tuple[date, str], list[int]] = {}
    for one in paid:
        reached = _reached(one.processed)
        found = sums.setdefault((reached.replace(day=1), one.programme), [0, 0, 0, 0])
        days = working_days_between(one.received, reached, division)
        found[0] += one.payments
        found[1] += one.pence
        found[2] += one.payments if days <= PROMPT_WORKING_DAYS else 0
        found[3] += one.payments if (reached - one.received).days <= CONTRACT_DAYS else 0
    return [Figure(programme, month, *found) for (month, programme), found in sorted(sums.items())]


def add_up(figures: Sequence[Figure], month: date) -> Figure:
    """Return the figure of all programmes for a month."""
    own = [one for one in figures if one.month == month]
    return Figure(
        "",
        month,
        sum(one.invoices for one in own),
        sum(one.pence for one in own),
        sum(one.within_10 for one in own),
        sum(one.within_30 for one in own),
    )


def months_back(today: date, count: int) -> list[date]:
    """Return the first days of the last months, the oldest first, this one included."""
    months = [today.replace(day=1)]
    while len(months) < count:
        months.append((months[-1] - _ONE_DAY).replace(day=1))
    return months[::-1]


def _reached(processed: date) -> date:
    try:
        return entry_day_for(processed)
    except ValueError:
        return processed + _ONE_DAY
