"""To which key of its client a token is bound, and whether its bearer holds that key."""

from collections.abc import Mapping

from identity.oidc.errors import ProtocolError
from identity.oidc.provider import Call
from identity.oidc.rfc8705_mutual_tls import MEMBER, check_bound_certificate, thumbprint
from identity.oidc.rfc9449_dpop import challenge, take_proof
from identity.relying_parties.rules import RelyingParty

Confirmation = Mapping[str, str]


def confirm_sender(call: Call, client: RelyingParty) -> Confirmation | None:
    """Return the ``cnf`` of tokens that are issued now; None for ones that anybody may use.

    A DPoP proof comes first. A certificate binds where the client registered so, or where the
    profile has no other tokens.

    Raises:
        ProtocolError: ``invalid_request``: client or profile need a binding and none was shown.
    """
    proof = take_proof(call)
    if proof is not None:
        return {"jkt": proof.jkt}
    options, certificate = client.options, call.sender.certificate
    by_certificate = options.tls_client_certificate_bound_access_tokens
    if options.dpop_bound_access_tokens:
        raise ProtocolError("invalid_request", "A DPoP proof is needed")
    if certificate is not None and (by_certificate or call.profile.sender_constrained):
        return {MEMBER: thumbprint(certificate)}
    if by_certificate:
        raise ProtocolError("invalid_request", "A client certificate is needed")
    if call.profile.sender_constrained:
        raise ProtocolError("invalid_request", "A DPoP proof or a client certificate is needed")
    return None


def token_type_of(confirmation: object) -> str:
    """Return the scheme under which a token with this ``cnf`` is used (RFC 9449, section 5)."""
    return "DPoP" if isinstance(confirmation, Mapping) and "jkt" in confirmation else "Bearer"


def check_presented(call: Call, claims: Mapping[str, object], token: str) -> None:
    """Refuse a bound token from somebody who does not show its key, or under another scheme.

    Raises:
        ProtocolError: 401 with a challenge (RFC 9449, section 7.1; RFC 8705, section 3).
    """
    bound = claims.get("cnf")
    confirmation = bound if isinstance(bound, Mapping) else {}
    wanted = token_type_of(confirmation).lower()
    # A token in the form of UserInfo comes without a scheme, as a bearer token does.
    if (call.sender.scheme or "bearer") != wanted:
        described = "The access token is bound to a DPoP key" if wanted == "dpop" else "No DPoP"
        raise _refused(call, "invalid_token", f"{described} token: use the scheme {wanted}")
    if wanted == "dpop":
        _check_proof(call, str(confirmation["jkt"]), token)
    if MEMBER in confirmation:
        check_bound_certificate(confirmation, call.sender.certificate)


def _check_proof(call: Call, jkt: str, token: str) -> None:
    try:
        proof = take_proof(call, access_token=token)
    except ProtocolError as error:
        raise _refused(call, error.error, error.description) from error
    if proof is None:
        raise _refused(call, "invalid_dpop_proof", "A DPoP proof is needed")
    if proof.jkt != jkt:
        raise _refused(call, "invalid_token", "The DPoP proof was made with another key")


def _refused(call: Call, error: str, description: str) -> ProtocolError:
    return ProtocolError(
        error, description, status=401, challenge=challenge(call, error, description)
    )
