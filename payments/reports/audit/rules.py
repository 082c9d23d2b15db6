"""How an auditor's request is read: a range of days, and where a monetary sample begins."""

import hashlib
from datetime import UTC, date, datetime, time, timedelta

from shared.clock import LONDON
from shared.errors import FieldError, Invalid

MOST_SAMPLED = 500
MEETINGS: dict[str, str] = {
    "shaped_and_approved": "Changed the run and approved it",
    "released_own_approval": "Released what they alone approved",
    "changed_payee_and_approved": "Changed a payee's bank details and approved a payment to it",
}


def read_days(first: str, last: str, today: date, back: int = 30) -> tuple[date, date]:
    """Return the days asked for, both included; the last ``back`` days when none are named.

    Raises:
        Invalid: one is no day, or they are in the wrong order.
    """
    faults: list[FieldError] = []

    def read(field: str, text: str, default: date) -> date:
        try:
            return date.fromisoformat(text) if text else default
        except ValueError:
            faults.append(FieldError(field, "Enter a day, such as 2026-11-22"))
            return default

    begin = read("from", first, today - timedelta(days=back))
    end = read("to", last, today)
    if not faults and begin > end:
        faults.append(FieldError("to", "The last day cannot be before the first"))
    if faults:
        raise Invalid(*faults)
    return begin, end


def instants_of(first: date, last: date) -> tuple[datetime, datetime]:
    """Return the instants at which days begin and end in Scotland, the end not included."""
    begin = datetime.combine(first, time.min, LONDON).astimezone(UTC)
    end = datetime.combine(last + timedelta(days=1), time.min, LONDON).astimezone(UTC)
    return begin, end


def plan_monetary(seed: str, size: int, total_pence: int) -> tuple[int, int]:
    """Return the first penny and the step of a monetary sample of ``size`` over a sum.

    The first penny follows from the seed, so that anybody can draw the same sample again.

    Raises:
        ValueError: there is nothing to draw from.
    """
    if size < 1 or total_pence < 1:
        raise ValueError("a sample needs a size and a sum")
    step = max(total_pence // size, 1)
    digest = hashlib.sha256(f"monetary/{seed}".encode()).digest()
    return int.from_bytes(digest[:8]) % step, step
