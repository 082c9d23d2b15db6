"""The invented sanctions list of the demonstration."""

from datetime import date, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from payments.screening.actions.load import load_list
from payments.screening.loading import UK_SANCTIONS_LIST
from payments.screening.queries import find_current_list
from shared.actors import Actor

DEMO_LIST = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "sanctions_list.csv"
_LISTED_ON = date(2026, 11, 20)


def load_demo_list(session: Session, actor: Actor, now: datetime) -> bool:
    """Put the invented list in force where none is; tells whether it was."""
    if find_current_list(session) is not None:
        return False
    with DEMO_LIST.open("rb") as file:
        load_list(session, file, UK_SANCTIONS_LIST, _LISTED_ON, DEMO_LIST.name, actor, now)
    return True
