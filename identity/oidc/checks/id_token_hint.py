"""An ID token of ours that says who is expected to sign in (Core, section 3.1.2.1)."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError
from identity.oidc.rfc9068_access_tokens import read_own_token

_LONGEST = 16_384


def check_id_token_hint(draft: Draft) -> None:
    """Take the subject of the hint, which may have expired; refuses a token of another client."""
    hint = draft.params.get("id_token_hint")
    if hint is None:
        return
    if len(hint) > _LONGEST:
        raise ProtocolError("invalid_request", "id_token_hint is too long")
    try:
        claims = read_own_token(draft.call, hint, typ=None)
    except ProtocolError as error:
        raise ProtocolError("invalid_request", "id_token_hint was not issued here") from error
    if claims.get("aud") != draft.known_client.client_id:
        raise ProtocolError("invalid_request", "id_token_hint was issued to another client")
    draft.hint_subject = str(claims.get("sub", ""))
