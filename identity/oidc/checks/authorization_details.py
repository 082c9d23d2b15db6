"""Typed permissions (RFC 9396)."""

from dataclasses import replace

from identity.oidc.draft import Draft
from identity.oidc.rfc9396_authorization_details import take_typed_details, youngest_sign_in


def check_authorization_details(draft: Draft) -> None:
    """Take ``authorization_details``; a type may need a fresh sign-in (runs after ``max_age``)."""
    details = take_typed_details(draft.known_client, draft.params)
    if not details:
        return
    limits = (draft.max_age_seconds, youngest_sign_in(details))
    draft.asked = replace(draft.asked, authorization_details=details)
    draft.max_age_seconds = min((one for one in limits if one is not None), default=None)
