"""RFC 9470, step-up authentication challenge: https://www.rfc-editor.org/rfc/rfc9470
Implemented: sections 3, 4 and 6.2, used by `/userinfo` for the roles of staff (`staff`).
Left out: nothing.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from identity.oidc.core_acr import reaches
from identity.oidc.errors import ProtocolError


@dataclass(frozen=True)
class Needed:
    """What a resource needs of the sign-in behind a token."""

    level: str = ""
    max_age_seconds: int | None = None


# A staff member's roles open the platform's consoles, so a password alone does not show them.
NEEDED_BY_SCOPE: Mapping[str, Needed] = {"staff": Needed("medium")}


def check_sign_in(needed: Needed, *, level: str, authenticated_at: datetime, now: datetime) -> None:
    """Refuse a token whose sign-in was too weak or is too old (section 3).

    Raises:
        ProtocolError: 401 with the challenge that tells the client what to ask for.
    """
    strong = not needed.level or reaches(level, needed.level)
    oldest = needed.max_age_seconds
    fresh = oldest is None or (now - authenticated_at).total_seconds() <= oldest
    if not strong or not fresh:
        raise insufficient_authentication(needed)


def check_scopes(
    scopes: tuple[str, ...], *, level: str, authenticated_at: datetime, now: datetime
) -> None:
    """Refuse a token one of whose scopes needs more than its sign-in was."""
    for scope in scopes:
        if scope in NEEDED_BY_SCOPE:
            check_sign_in(
                NEEDED_BY_SCOPE[scope], level=level, authenticated_at=authenticated_at, now=now
            )


def insufficient_authentication(needed: Needed) -> ProtocolError:
    """Return the challenge: which level, and how fresh."""
    members = [
        'error="insufficient_user_authentication"',
        'error_description="A stronger or newer sign-in is needed"',
    ]
    if needed.level:
        members.append(f'acr_values="{needed.level}"')
    if needed.max_age_seconds is not None:
        members.append(f"max_age={needed.max_age_seconds}")
    return ProtocolError(
        "insufficient_user_authentication",
        "A stronger or newer sign-in is needed",
        status=401,
        challenge=f"Bearer {', '.join(members)}",
    )
