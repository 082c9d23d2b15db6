"""Hints that change what a person sees first, not what the client gets (Core, 3.1.2.1)."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError

# A name or address, and lists of language tags: what is longer was not meant for a person.
LONGEST = {"login_hint": 256, "ui_locales": 256, "claims_locales": 256, "display": 64}


def check_hints(draft: Draft) -> None:
    """Refuse hints that are too long to be kept; the rest of what they say is taken as it comes.

    ``display`` may be ``page``, ``popup``, ``touch`` or ``wap``; the pages fit each of them, so it
    changes nothing. ``claims_locales`` changes nothing either: claims are kept in one language.
    """
    for name, longest in LONGEST.items():
        value = draft.params.get(name)
        if value is not None and len(value) > longest:
            raise ProtocolError("invalid_request", f"{name} must have at most {longest} letters")
