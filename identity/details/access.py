"""Pages that change an account want a person who proved themselves a moment ago."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends

from identity.signin import rules
from identity.signin.access import fresh_sign_in
from identity.signin.queries import SignedInSession

FRESH_MINUTES = 15

FreshDep = Annotated[SignedInSession, Depends(fresh_sign_in(FRESH_MINUTES))]


def is_fresh(person: SignedInSession, now: datetime) -> bool:
    """Tell whether a session's person proved themselves within the last quarter of an hour."""
    return rules.is_fresh(person.authenticated_at, FRESH_MINUTES, now)
