"""The relying party's part of OpenID Connect, towards a body's own provider."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol, Key, KeySet, RSAKey

from identity.staff_sign_on.rules import (
    ALGORITHMS,
    StaffIdentity,
    UpstreamPolicy,
    UpstreamRefusedError,
    read_identity,
)
from shared.crypto import random_token
from shared.guarded_http import GuardedHttp, OutboundError

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60
_LONGEST_TOKEN = 32_768


class UpstreamAwayError(Exception):
    """A body's provider did not answer as it should; the text says which part."""


@dataclass(frozen=True)
class Metadata:
    """Where a provider's endpoints are."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    sends_iss: bool


@dataclass(frozen=True)
class Secrets:
    """What belongs to one sign-in and comes back with it."""

    nonce: str
    verifier: str


def fetch_metadata(outbound: GuardedHttp, issuer: str) -> Metadata:
    """Return a provider's metadata; refuses one that speaks for another issuer."""
    content = _read(outbound, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if content.get("issuer") != issuer:
        raise UpstreamAwayError("the discovery document names another issuer")
    wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    found = {name: content.get(name) for name in wanted}
    for name, value in found.items():
        if not isinstance(value, str) or not value.startswith(("https://", "http://")):
            raise UpstreamAwayError(f"the discovery document has no {name}")
    return Metadata(
        issuer,
        str(found["authorization_endpoint"]),
        str(found["token_endpoint"]),
        str(found["jwks_uri"]),
        str(content.get("userinfo_endpoint") or ""),
        content.get("authorization_response_iss_parameter_supported") is True,
    )


def _read(outbound: GuardedHttp, url: str, *, fresh: bool = False) -> dict[str, object]:
    try:
        answer = outbound.get(url) if fresh else outbound.get_kept(url)
        content = json.loads(answer.content)
    except OutboundError as error:
        raise UpstreamAwayError(f"{url} {error}") from error
    except (ValueError, RecursionError) as error:
        raise UpstreamAwayError(f"{url} does not serve JSON") from error
    if not isinstance(content, dict):
        raise UpstreamAwayError(f"{url} does not serve an object")
    return content


def authorization_url(
    metadata: Metadata,
    policy: UpstreamPolicy,
    *,
    redirect_uri: str,
    state: str,
    kept: Secrets,
    login_hint: str,
) -> str:
    """Return where the browser goes to sign in."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(kept.verifier.encode()).digest())
    query = {
        "client_id": policy.client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid profile email",
        "state": state,
        "nonce": kept.nonce,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    if login_hint:
        query["login_hint"] = login_hint
    if policy.shape == "google":
        query["hd"] = policy.tenant
    separator = "&" if "?" in metadata.authorization_endpoint else "?"
    return f"{metadata.authorization_endpoint}{separator}{urlencode(query, quote_via=quote)}"


def check_answer(metadata: Metadata, params: Mapping[str, str]) -> str:
    """Return the code of an answer; refuses errors and answers of another issuer (RFC 9207)."""
    if (metadata.sends_iss or "iss" in params) and params.get("iss") != metadata.issuer:
        raise UpstreamRefusedError("iss of the answer is another issuer")
    if "error" in params or not params.get("code"):
        raise UpstreamRefusedError(f"the answer says {params.get('error', 'nothing')[:60]}")
    return params["code"]


def sign_in(
    outbound: GuardedHttp,
    metadata: Metadata,
    policy: UpstreamPolicy,
    credential: Mapping[str, object],
    *,
    code: str,
    redirect_uri: str,
    kept: Secrets,
    now: datetime,
) -> StaffIdentity:
    """Redeem a code and return who is there.

    Raises:
        UpstreamAwayError: the provider does not answer.
        UpstreamRefusedError: it answers with something that cannot be accepted.
    """
    token, access_token = _redeem(
        outbound,
        metadata,
        policy,
        credential,
        code=code,
        redirect_uri=redirect_uri,
        kept=kept,
        now=now,
    )
    claims = dict(_verify(outbound, metadata, token))
    if "email" not in claims and metadata.userinfo_endpoint and access_token:
        # Most providers answer the scopes profile and email at UserInfo only (Core, section 5.4).
        details = _details(outbound, metadata, access_token)
        if details.get("sub") != claims.get("sub"):
            raise UpstreamRefusedError("UserInfo speaks of somebody else")
        wanted = ("email", "email_verified", "name", "preferred_username")
        claims = {name: details[name] for name in wanted if name in details} | claims
    return read_identity(claims, policy, kept.nonce, now)


def _details(outbound: GuardedHttp, metadata: Metadata, access_token: str) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
    try:
        answer = outbound.post(metadata.userinfo_endpoint, headers=headers)
        content = json.loads(answer.content)
    except OutboundError as error:
        raise UpstreamAwayError(f"UserInfo {error}") from error
    except (ValueError, RecursionError) as error:
        raise UpstreamAwayError("UserInfo does not serve JSON") from error
    if not answer.is_success or not isinstance(content, dict):
        raise UpstreamRefusedError(f"UserInfo answered with {answer.status}")
    return content


def _redeem(
    outbound: GuardedHttp,
    metadata: Metadata,
    policy: UpstreamPolicy,
    credential: Mapping[str, object],
    *,
    code: str,
    redirect_uri: str,
    kept: Secrets,
    now: datetime,
) -> tuple[str, str]:
    """Return the ID token and the access token, which may be missing."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": kept.verifier,
    }
    headers: dict[str, str] = {}
    if policy.auth_method == "private_key_jwt":
        form |= {
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": _assertion(policy, credential, metadata, now),
        }
    elif policy.auth_method == "client_secret_basic":
        pair = f"{quote(policy.client_id, safe='')}:{quote(str(credential['secret']), safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": policy.client_id, "client_secret": str(credential["secret"])}
    try:
        answer = outbound.post(metadata.token_endpoint, form=form, headers=headers)
        content = json.loads(answer.content)
    except OutboundError as error:
        raise UpstreamAwayError(f"the token endpoint {error}") from error
    except (ValueError, RecursionError) as error:
        raise UpstreamAwayError("the token endpoint does not serve JSON") from error
    token = content.get("id_token") if isinstance(content, dict) else None
    if not answer.is_success or not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
        said = content.get("error") if isinstance(content, dict) else None
        raise UpstreamRefusedError(f"the token endpoint says {str(said)[:60]}")
    return token, str(content.get("access_token") or "")


def _assertion(
    policy: UpstreamPolicy, credential: Mapping[str, object], metadata: Metadata, now: datetime
) -> str:
    key = ECKey.import_key(credential["key"])  # type: ignore[arg-type]  # sealed by us as a JWK
    issued = int(now.timestamp())
    claims = {
        "iss": policy.client_id,
        "sub": policy.client_id,
        "aud": metadata.issuer,
        "iat": issued,
        "exp": issued + _ASSERTION_SECONDS,
        "jti": random_token(16),
    }
    header = {"alg": "ES256", "kid": key.thumbprint()}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


def _verify(outbound: GuardedHttp, metadata: Metadata, token: str) -> Mapping[str, object]:
    """Return the claims of a signed ID token; an unknown ``kid`` makes the keys be read again."""
    for fresh in (False, True):
        keys = _keys(_read(outbound, metadata.jwks_uri, fresh=fresh))
        try:
            return jwt.decode(token, _finder(keys), algorithms=list(ALGORITHMS)).claims
        except LookupError:
            continue
        except (JoseError, ValueError, RecursionError) as error:
            raise UpstreamRefusedError("the signature of the ID token is not good") from error
    raise UpstreamRefusedError("no published key signed the ID token")


def _keys(content: Mapping[str, object]) -> list[Key]:
    try:
        found = KeySet.import_key_set(content)  # type: ignore[arg-type]  # checked by joserfc
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise UpstreamAwayError("the key set cannot be read") from error
    return [key for key in found.keys if isinstance(key, RSAKey | ECKey)]


def _finder(keys: list[Key]):  # type: ignore[no-untyped-def]  # noqa: ANN202 - joserfc's callable
    def find(guest: GuestProtocol) -> Key:
        headers = guest.headers()
        kid, algorithm = headers.get("kid"), str(headers.get("alg", ""))
        kind = ECKey if algorithm.startswith("ES") else RSAKey
        fitting = [key for key in keys if isinstance(key, kind)]
        named = [key for key in fitting if kid is not None and key.kid == kid]
        if named:
            return named[0]
        if kid is None and len(fitting) == 1:
            return fitting[0]
        raise LookupError("unknown signing key")

    return find
