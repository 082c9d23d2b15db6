"""Roles that staff may have, kinds of bodies, and what a slug looks like; pure."""

import re

from shared.errors import FieldError, Invalid

# The body of those who run the platform; only there can somebody be an operator.
OPERATIONS = "clachan-operations"
OPERATOR = "platform.operator"
OWNER = "identity.owner"
DEVELOPER = "identity.developer"
VIEWER = "identity.viewer"
CONSOLE_ROLES = (OWNER, DEVELOPER, VIEWER)

ROLES = frozenset(
    {
        *CONSOLE_ROLES,
        OPERATOR,
        "payments.uploader",
        "payments.approver",
        "payments.enquiry",
        "payments.confirmation_of_payee",
        "payments.releaser",
        "payments.payee_editor",
        "payments.payee_approver",
        "payments.reconciler",
        "payments.administrator",
        "payments.auditor",
    }
)
# Nobody may send money that they release themselves.
_APART = (frozenset({"payments.uploader", "payments.approver"}),)
_SLUG = re.compile(r"[a-z][a-z0-9-]{1,38}[a-z0-9]")
# Addresses of the console begin with a body's slug, and some words are pages there.
_TAKEN = frozenset({"apply", "operations", "invitation", "invitations", "trial-callback", "new"})
KINDS = ("council", "government", "health", "housing", "agency", "other")
_LONGEST_NAME = 80
_LONGEST_TEXT = 500


def check_slug(slug: str) -> str:
    """Return a slug of 3 to 40 lower-case letters, digits and dashes; refuses others."""
    if not _SLUG.fullmatch(slug):
        raise Invalid(FieldError("slug", "Use 3 to 40 lower-case letters, digits and dashes"))
    return slug


def check_roles(roles: list[str], organisation: str | None = None) -> list[str]:
    """Return the roles in a fixed order; refuses unknown ones and those that exclude each other.

    Operators exist only in the platform's own body.
    """
    unknown = sorted(set(roles) - ROLES)
    if not roles:
        raise Invalid(FieldError("roles", "Choose at least one role"))
    if unknown:
        raise Invalid(FieldError("roles", f"Choose roles that exist, not {', '.join(unknown)}"))
    if OPERATOR in roles and organisation != OPERATIONS:
        raise Invalid(FieldError("roles", "Only the body that runs the platform has operators"))
    for together in _APART:
        if together <= set(roles):
            raise Invalid(FieldError("roles", "One person cannot both upload and approve payments"))
    return sorted(set(roles))


def offered_roles(organisation: str) -> tuple[str, ...]:
    """Return the roles that an owner of this body may give."""
    return tuple(sorted(role for role in ROLES if role != OPERATOR or organisation == OPERATIONS))


def slug_of(name: str) -> str:
    """Return what a body's name looks like as a slug; may be too short to be one."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return plain[:40].strip("-")


def is_free_slug(slug: str) -> bool:
    """Tell whether a slug made of a name can be a body's."""
    return bool(_SLUG.fullmatch(slug)) and slug not in _TAKEN


def check_name(name: str, field: str = "name") -> str:
    """Return a name that people are shown; refuses an empty, long or odd one."""
    if not name:
        raise Invalid(FieldError(field, "Enter a name"))
    if len(name) > _LONGEST_NAME:
        raise Invalid(FieldError(field, "The name must have 80 characters or fewer"))
    if not name.isprintable() or any(sign in name for sign in "<>"):
        raise Invalid(FieldError(field, "The name must have letters, digits and blanks only"))
    return name


def check_text(words: str, field: str, missing: str) -> str:
    """Return a short explanation; refuses an empty one, saying what is missing, and a long one."""
    if not words:
        raise Invalid(FieldError(field, missing))
    if len(words) > _LONGEST_TEXT:
        raise Invalid(FieldError(field, "Use 500 characters or fewer"))
    return words


def check_kind(kind: str) -> str:
    """Return a kind of body; refuses others."""
    if kind not in KINDS:
        raise Invalid(FieldError("kind", "Choose what kind of organisation it is"))
    return kind
