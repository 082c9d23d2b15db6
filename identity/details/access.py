"""Pages that change an account want a person who proved themselves a moment ago."""

from datetime import timedelta
from typing import Annotated

from fastapi import Depends

from identity.signin.access import SIGN_IN_PATH, SignedInDep
from identity.signin.queries import SignedInSession
from shared.web.deps import NowDep
from shared.web.login import SignInNeeded

FRESH_FOR = timedelta(minutes=15)


def is_fresh(person: SignedInSession, now: NowDep) -> bool:
    """Tell whether a session's person proved themselves within the last quarter of an hour."""
    return now - person.authenticated_at <= FRESH_FOR


def signed_in_freshly(person: SignedInDep, now: NowDep) -> SignedInSession:
    """Return who is signed in; sends everybody whose sign-in is older to do it again."""
    if not is_fresh(person, now):
        raise SignInNeeded(f"{SIGN_IN_PATH}?again=yes")
    return person


FreshDep = Annotated[SignedInSession, Depends(signed_in_freshly)]
