"""How old a sign-in may be."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError


def check_max_age(draft: Draft) -> None:
    """Take ``max_age`` in seconds."""
    value = draft.params.get("max_age")
    if value is None:
        return
    if not value.isascii() or not value.isdigit() or len(value) > len("2147483647"):
        raise ProtocolError("invalid_request", "max_age must be a number of seconds")
    draft.max_age_seconds = int(value)
