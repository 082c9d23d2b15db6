"""The challenge of RFC 7636."""

from identity.oidc.draft import Draft
from identity.oidc.rfc7636_pkce import check_challenge


def check_pkce(draft: Draft) -> None:
    """Take the challenge; only a recorded exception may do without, and needs a nonce (Q1)."""
    client = draft.known_client
    spared = client.pkce == "exempt" and client.auth_method != "none"
    exempt = spared and draft.params.get("nonce") is not None
    draft.code_challenge = check_challenge(
        draft.params.get("code_challenge"),
        draft.params.get("code_challenge_method"),
        required=not exempt,
    )
