"""RFC 9126, Pushed Authorization Requests: https://www.rfc-editor.org/rfc/rfc9126
Implemented: sections 2 to 6; a request is spent when its client gets the answer, not before.
Left out: unregistered redirect URIs of section 2.4, whose clients nobody could recognise.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import json
from datetime import timedelta

from identity.oidc.authorize import check_request
from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.pushed import URN
from identity.oidc.rfc7009_revocation import authenticate_alone
from identity.oidc.rfc9449_dpop import take_proof
from identity.oidc.secured import Pushed, store_pushed
from shared.crypto import hash_token, random_token

_CREDENTIALS = frozenset({"client_assertion", "client_assertion_type", "client_secret"})


def answer_pushed_request(
    call: Call, params: Parameters, authorization: str | None
) -> dict[str, object]:
    """Check and store a request that was sent ahead; returns where it can be begun with.

    Raises:
        ProtocolError: the client did not prove who it is, or the request would be refused anyway.
    """
    caller = authenticate_alone(call, params, authorization)
    call.provider.limits.check(caller.client.client_id)
    if "request_uri" in {name for name, _ in params.pairs}:
        raise ProtocolError("invalid_request", "request_uri has no place in a pushed request")
    draft = Draft(call, _of_client(params, caller.client.client_id))
    check_request(draft, "pushed")
    pairs = _bound(call, draft)
    name = random_token()
    seconds = call.provider.settings.pushed_request_seconds
    request_hash = hash_token(name)
    store_pushed(
        call.session,
        Pushed(
            request_hash=request_hash,
            client_id=caller.client.client_id,
            profile=call.profile.name,
            sealed=call.provider.sealer.seal(json.dumps(pairs).encode(), request_hash),
            valid_until=call.now + timedelta(seconds=seconds),
        ),
        call.now,
    )
    return {"request_uri": f"{URN}{name}", "expires_in": seconds}


def _of_client(params: Parameters, client_id: str) -> Parameters:
    """Return the request without credentials, with the client that proved itself named."""
    pairs = [(name, value) for name, value in params.pairs if name not in _CREDENTIALS]
    named = any(name == "client_id" for name, _ in pairs)
    return Parameters.of(pairs if named else [*pairs, ("client_id", client_id)])


def _bound(call: Call, draft: Draft) -> list[tuple[str, str]]:
    """Return what is stored: the request as checked, bound to the key of a DPoP proof (9449, 10.1).

    A proof is the same as naming its key in ``dpop_jkt``; both must agree.
    """
    proof = take_proof(call)
    pairs = list(draft.params.pairs)
    if proof is None:
        return pairs
    if draft.asked.jkt not in (None, proof.jkt):
        raise ProtocolError("invalid_request", "dpop_jkt is not the key of the DPoP proof")
    return [pair for pair in pairs if pair[0] != "dpop_jkt"] + [("dpop_jkt", proof.jkt)]
