"""The only place that reads the clock; everything else is handed ``now``."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def now() -> datetime:
    """Return this instant in UTC, time zone attached."""
    return datetime.now(UTC)


def london_date(at: datetime) -> date:
    """Return the calendar day in Scotland of an instant; refuses one without a time zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return at.astimezone(LONDON).date()
