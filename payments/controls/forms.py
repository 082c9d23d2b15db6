"""Reads fields of forms; what cannot be read is None, and the action names the field."""

from collections import defaultdict
from datetime import date, time
from uuid import UUID

from shared.errors import FieldError, Invalid
from shared.money import parse_pounds
from shared.web.deps import Form


def keep(values: dict[str, str] | None = None) -> dict[str, str]:
    """Return what was typed for a page that shows it again; fields that were not sent are empty."""
    return defaultdict(str, values or {})


def read_amount(text: str) -> int | None:
    """Return pounds as pence."""
    try:
        return parse_pounds(text)
    except ValueError:
        return None


def read_number(text: str) -> int | None:
    """Return a whole number of up to three digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else None  # noqa: PLR2004 - as the docstring says


def read_id(text: str) -> UUID | None:
    """Return an id."""
    try:
        return UUID(text)
    except ValueError:
        return None


def read_time(text: str) -> time | None:
    """Return a time of day like 22:30, None for no text.

    Raises:
        Invalid: it is something else.
    """
    if not text:
        return None
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise Invalid(FieldError("at", "Enter a time like 22:30")) from error


def read_date(form: Form, name: str) -> date | None:
    """Return the day of three fields, None where all are empty.

    Raises:
        Invalid: it is no day.
    """
    parts = [form.text(f"{name}-{part}") for part in ("year", "month", "day")]
    if not any(parts):
        return None
    try:
        return date(*(int(part) for part in parts))
    except ValueError as error:
        raise Invalid(FieldError(name, "Enter a real day, like 27 3 2027")) from error
