"""A test sign-in: a short-lived companion of the client runs a real code flow and tells of it.

We cannot hold the client's private key. So a companion with the same profile, scopes and sector,
but a key and an address of ours, asks the provider's own functions, and what the real client would
get is shown to the person who tests.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.caching.versioned import bump_version
from identity.client_console.queries import ClientView
from identity.oidc.core_userinfo import answer_userinfo
from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call, Provider
from identity.oidc.rfc7523_client_assertions import TYPE
from identity.oidc.scotaccount_attributes import answer_attributes
from identity.oidc.token import answer_token_request
from identity.relying_parties.actions import register_relying_party
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.queries import CACHE_NAME
from shared.actors import Actor
from shared.crypto import Sealer, hash_token, random_token
from shared.ids import new_id
from shared.outbox import enqueue

CALLBACK_PATH = "/identity/console/trial-callback"
END_TOPIC = "identity.client_console.end_trial"
TRIAL_LIFE = timedelta(minutes=30)
# Profiles whose flow this page can run; the others need more than a code and PKCE.
TESTABLE = frozenset({"oidc", "scotaccount"})
_ID_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_INSERT = text(
    """
    INSERT INTO client_trial (id, client_id, companion_id, account_id, state_hash, secrets_sealed,
                              created_at, expires_at)
    VALUES (:id, :client_id, :companion_id, :account_id, :state_hash, :sealed, :now, :expires_at)
    """
)
_CONSUME = text(
    """
    UPDATE client_trial t SET consumed_at = :now FROM relying_party r
     WHERE t.state_hash = :state_hash AND t.account_id = :account_id AND t.consumed_at IS NULL
       AND t.expires_at > :now AND r.client_id = t.client_id
    RETURNING t.id, t.client_id, t.companion_id, t.secrets_sealed, r.organisation, r.profile
    """
)
_KEEP = text("UPDATE client_trial SET result_sealed = :sealed WHERE id = :id")
_END = text(
    """
    WITH gone AS (DELETE FROM relying_party WHERE client_id = :companion_id RETURNING client_id)
    DELETE FROM remembered_consent WHERE client_id IN (SELECT client_id FROM gone)
    """
)


def start_trial(
    session: Session,
    provider: Provider,
    actor: Actor,
    view: ClientView,
    account_id: UUID,
    now: datetime,
) -> str:
    """Register a companion for half an hour and return the address to send the browser to."""
    issuer = provider.issuers[view.party.profile]
    key = ECKey.generate_key("P-256")
    callback = f"{provider.settings.public_url}{CALLBACK_PATH}"
    companion = replace(
        view.party,
        client_id="".join(secrets.choice(_ID_LETTERS) for _ in range(13)),
        auth_method="private_key_jwt",
        first_party=False,
        secret_hash=None,
        keys=(key,),
        redirect_uris=(callback,),
        post_logout_uris=(),
        backchannel_logout_uri=None,
        pkce="required",
        options=ClientOptions(
            environment="sandbox", allowed_claims=view.party.options.allowed_claims
        ),
    )
    public = {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"}
    register_relying_party(session, companion, [public], actor, now)
    trial_id, state, verifier, nonce = new_id(), random_token(), random_token(48), random_token()
    kept = {"key": key.as_dict(private=True), "verifier": verifier, "nonce": nonce}
    session.execute(
        _INSERT,
        {
            "id": trial_id,
            "client_id": view.party.client_id,
            "companion_id": companion.client_id,
            "account_id": account_id,
            "state_hash": hash_token(state),
            "sealed": provider.sealer.seal(json.dumps(kept).encode(), _aad("secrets", trial_id)),
            "now": now,
            "expires_at": now + TRIAL_LIFE,
        },
    )
    enqueue(
        session,
        END_TOPIC,
        {"companion_id": companion.client_id},
        key=companion.client_id,
        due_at=now + TRIAL_LIFE,
    )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    query = {
        "client_id": companion.client_id,
        "redirect_uri": callback,
        "response_type": "code",
        "scope": " ".join(companion.scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{issuer.url}/authorize?{urlencode(query)}"


def finish_trial(
    session: Session,
    provider: Provider,
    account_id: UUID,
    params: Mapping[str, str],
    now: datetime,
) -> tuple[str, str, UUID] | None:
    """Redeem the code and keep what came of it; returns body, client and trial.

    A state counts once, and only for the person who began; None otherwise.
    """
    row = session.execute(
        _CONSUME,
        {"state_hash": hash_token(params.get("state", "")), "account_id": account_id, "now": now},
    ).one_or_none()
    if row is None:
        return None
    kept = json.loads(provider.sealer.open(bytes(row.secrets_sealed), _aad("secrets", row.id)))
    call = Call(provider, provider.issuers[row.profile], session, now)
    result = _run(call, row.companion_id, kept, params)
    sealed = provider.sealer.seal(json.dumps(result).encode(), _aad("result", row.id))
    session.execute(_KEEP, {"id": row.id, "sealed": sealed})
    end_companion(session, row.companion_id)
    return row.organisation, row.client_id, row.id


def end_companion(session: Session, companion_id: str) -> None:
    """Take a companion away with what people agreed to for it; twice is as good as once."""
    session.execute(_END, {"companion_id": companion_id})
    bump_version(session, CACHE_NAME)


def open_result(sealer: Sealer, trial_id: UUID, sealed: bytes) -> dict[str, object]:
    """Return what a test sign-in showed."""
    result: dict[str, object] = json.loads(sealer.open(sealed, _aad("result", trial_id)))
    return result


def _run(
    call: Call, companion_id: str, kept: Mapping[str, object], params: Mapping[str, str]
) -> dict[str, object]:
    """Return each step with how it ended; a refusal ends the test and is told like the others."""
    steps: list[dict[str, object]] = [{"step": "sent", "good": True}]
    result: dict[str, object] = {"steps": steps}
    if "error" in params:
        steps.append({"step": "came_back", "good": False})
        return result | _refused(params["error"], params.get("error_description", ""))
    if params.get("iss") != call.issuer.url or not params.get("code"):
        steps.append({"step": "came_back", "good": False})
        return result | _refused("invalid_response", "iss or code is missing")
    steps.append({"step": "came_back", "good": True})
    try:
        answer = _redeem(call, companion_id, kept, params["code"])
        steps.append({"step": "redeemed", "good": True})
        id_token = _payload(str(answer.get("id_token", "")))
        result["id_token"] = id_token
        result["nonce_fits"] = id_token.get("nonce") == kept["nonce"]
        result["expires_in"] = answer.get("expires_in")
        result["has_refresh_token"] = "refresh_token" in answer
        result["details"] = _details(call, companion_id, kept, str(answer["access_token"]))
        steps.append({"step": "details", "good": True})
    except ProtocolError as error:
        failed = ("redeemed", "details")[len(steps) - 2]
        steps.append({"step": failed, "good": False})
        return result | _refused(error.error, error.description)
    return result


def _refused(error: str, description: str) -> dict[str, object]:
    return {"error": error, "description": description}


def _redeem(
    call: Call, companion_id: str, kept: Mapping[str, object], code: str
) -> dict[str, object]:
    sent = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"{call.provider.settings.public_url}{CALLBACK_PATH}",
        "code_verifier": str(kept["verifier"]),
        "client_assertion_type": TYPE,
        "client_assertion": _assertion(call, companion_id, kept, call.issuer.token_url),
    }
    return answer_token_request(call, Parameters.of(sent.items()), None)


def _details(
    call: Call, companion_id: str, kept: Mapping[str, object], access_token: str
) -> Mapping[str, object]:
    authorization = f"Bearer {access_token}"
    if call.profile.userinfo:
        shown = answer_userinfo(call, authorization, None)
        return _payload(shown) if isinstance(shown, str) else shown
    asked = set(call.profile.attribute_scopes) & set(
        call.provider.clients.find(call.session, companion_id).scopes  # type: ignore[union-attr]  # it just redeemed a code
    )
    if not asked:
        return {}
    assertion = _assertion(call, companion_id, kept, call.issuer.attributes_url)
    answer = answer_attributes(call, authorization, assertion)
    return _payload(str(answer["claimsToken"]))


def _assertion(call: Call, companion_id: str, kept: Mapping[str, object], audience: str) -> str:
    key = ECKey.import_key(kept["key"])  # type: ignore[arg-type]  # sealed by us as a JWK
    issued = int(call.now.timestamp())
    claims = {
        "iss": companion_id,
        "sub": companion_id,
        "aud": audience,
        "iat": issued,
        "exp": issued + 60,
        "jti": random_token(16),
    }
    return jwt.encode({"alg": "ES256"}, claims, key, algorithms=["ES256"])


def _payload(token: str) -> dict[str, object]:
    """Return what a token of our own says, to be shown; a library would check it first."""
    part = token.split(".")[1]
    payload: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return payload


def _aad(record: str, trial_id: UUID) -> bytes:
    return f"identity.client_trial.{record}:{trial_id}".encode()
