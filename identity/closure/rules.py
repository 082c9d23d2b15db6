"""How long evidence of checks is kept after an account is closed; pure."""

from datetime import datetime, timedelta

_YEAR = timedelta(days=365)
ORDINARY_YEARS = 3
FRAUD_YEARS = 6


def keep_until(completed_at: datetime, failure: str) -> datetime:
    """Return until when evidence of a check is kept: six years for signs of fraud, else three."""
    years = FRAUD_YEARS if "fraud" in failure else ORDINARY_YEARS
    return completed_at + years * _YEAR
