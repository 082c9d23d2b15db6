"""Which parameters must be there, where their absence is told by HTTP 400 (One Login)."""

from identity.oidc.draft import Draft
from identity.oidc.errors import PageError

_NEEDED = ("response_type", "scope", "redirect_uri", "state", "nonce")


def check_present(draft: Draft) -> None:
    """Refuse a request that lacks a required parameter, on a page of our own."""
    if not draft.call.profile.missing_on_page:
        return
    may_lack = {"nonce"} if draft.known_client.options.permit_missing_nonce else set()
    missing = [name for name in _NEEDED if name not in may_lack and not draft.params.all(name)]
    if missing:
        raise PageError(
            "request_is_missing_parameters", f"Missing parameters: {', '.join(missing)}"
        )
