"""Which parameters must be there, where their absence is told by HTTP 400 (One Login)."""

from identity.oidc.draft import Draft
from identity.oidc.errors import PageError

_ALWAYS = ("client_id", "response_type", "scope")
_INSIDE = ("redirect_uri", "state", "nonce")


def check_present(draft: Draft) -> None:
    """Refuse a request that lacks a required parameter, on a page of our own."""
    if not draft.call.profile.missing_on_page:
        return
    params = draft.params
    client = draft.call.find_client(params.get("client_id") or "")
    # What a request object brings is checked where the object was read.
    names: tuple[str, ...] = _ALWAYS if params.get("request") else _ALWAYS + _INSIDE
    if client is not None and client.options.permit_missing_nonce:
        names = tuple(name for name in names if name != "nonce")
    if missing := [name for name in names if not params.all(name)]:
        raise PageError(
            "request_is_missing_parameters", f"Missing parameters: {', '.join(missing)}"
        )
