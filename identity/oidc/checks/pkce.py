"""The challenge of RFC 7636."""

from identity.oidc.draft import Draft
from identity.oidc.oauth_response_types import brings
from identity.oidc.rfc7636_pkce import check_challenge


def check_pkce(draft: Draft) -> None:
    """Take the challenge; only a recorded exception may do without (Q1), and what brings no code.

    A challenge that is sent is always enforced, whoever sends it.
    """
    draft.code_challenge = check_challenge(
        draft.params.get("code_challenge"),
        draft.params.get("code_challenge_method"),
        required=brings(draft.response_type, "code") and not _is_exempt(draft),
    )


def _is_exempt(draft: Draft) -> bool:
    """Tell whether the client's exception holds: confidential, recorded, and it sends a nonce.

    Outside production a client that is being certified may leave the nonce out as well.
    """
    client, settings = draft.known_client, draft.call.provider.settings
    if client.pkce != "exempt" or client.auth_method == "none":
        return False
    may_omit = client.options.permit_missing_nonce and settings.environment != "production"
    return draft.params.get("nonce") is not None or may_omit
