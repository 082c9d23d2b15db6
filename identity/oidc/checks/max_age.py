"""How old a sign-in may be."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError


def check_max_age(draft: Draft) -> None:
    """Take ``max_age`` in seconds; without one, what the client registered."""
    value = draft.params.get("max_age")
    if value is None:
        draft.max_age_seconds = draft.known_client.options.default_max_age
        return
    if not value.isascii() or not value.isdigit() or len(value) > len("2147483647"):
        raise ProtocolError("invalid_request", "max_age must be a number of seconds")
    draft.max_age_seconds = int(value)
