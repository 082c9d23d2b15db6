"""Who keeps webhooks in these tests, where they listen, and a clock that can be ahead."""

from datetime import datetime, timedelta

from payments.runs.rules import ADMINISTRATOR, AUDITOR
from shared import clock
from tests.payments.runs.world import staff

ADA = staff("Ada", ADMINISTRATOR)
AUDREY = staff("Audrey", AUDITOR)
HOOK = "/hook"


class Watch:
    """A clock that goes with the real one, ahead of it by what a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return clock.now() + self.ahead
