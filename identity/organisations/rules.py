"""Roles that staff may have, and what an organisation's slug looks like; pure."""

import re

from shared.errors import FieldError, Invalid

ROLES = frozenset(
    {
        "payments.uploader",
        "payments.approver",
        "payments.enquiry",
        "payments.confirmation_of_payee",
        "payments.administrator",
        "payments.auditor",
    }
)
# Nobody may send money that they release themselves.
_APART = (frozenset({"payments.uploader", "payments.approver"}),)
_SLUG = re.compile(r"[a-z][a-z0-9-]{1,38}[a-z0-9]")


def check_slug(slug: str) -> str:
    """Return a slug of 3 to 40 lower-case letters, digits and dashes; refuses others."""
    if not _SLUG.fullmatch(slug):
        raise Invalid(FieldError("slug", "Use 3 to 40 lower-case letters, digits and dashes"))
    return slug


def check_roles(roles: list[str]) -> list[str]:
    """Return the roles in a fixed order; refuses unknown ones and those that exclude each other."""
    unknown = sorted(set(roles) - ROLES)
    if not roles or unknown:
        raise Invalid(FieldError("roles", f"Choose roles that exist, not {', '.join(unknown)}"))
    for together in _APART:
        if together <= set(roles):
            raise Invalid(FieldError("roles", f"One person cannot be {' and '.join(together)}"))
    return sorted(set(roles))
