"""The bank's working days, read from the published bank holidays of England and Wales."""

import json
from datetime import date, timedelta
from functools import cache
from pathlib import Path

_FILE = Path(__file__).resolve().parents[2] / "reference" / "bank_holidays.json"
_FRIDAY = 4


@cache
def _closed() -> frozenset[str]:
    return frozenset(json.loads(_FILE.read_text(encoding="utf-8"))["england-and-wales"])


def on_or_after(day: date) -> date:
    """Return the day itself when the bank works, else the next day on which it does."""
    while day.weekday() > _FRIDAY or day.isoformat() in _closed():
        day += timedelta(days=1)
    return day


def after(day: date, count: int = 1) -> date:
    """Return the working day so many working days after a day."""
    for _ in range(count):
        day = on_or_after(day + timedelta(days=1))
    return day
