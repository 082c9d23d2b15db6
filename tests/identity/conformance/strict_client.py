"""A client of the strict profile: pushes its requests, proves its keys, reads what it gets.

What it signs is put together by hand, so that a test can make it wrong in any way.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from httpx2 import Response
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.testclient import TestClient

from identity.relying_parties.options import ClientOptions
from shared import clock
from tests.identity.oidc.world import (
    ASSERTION_TYPE,
    CALLBACK,
    PUBLIC_URL,
    World,
    b64,
    challenge_of,
    ec_key,
)

STRICT = f"{PUBLIC_URL}/identity/strict"
HEADER = "x-forwarded-client-cert"
AnyKey = ECKey | RSAKey | OKPKey


def now() -> int:
    return int(clock.now().timestamp())


def sign(claims: Mapping[str, object], key: AnyKey, **header: object) -> str:
    """Return a signed JWT; a claim or header member of None is left out, ``alg`` may be none."""
    full = {"alg": "ES256"} | header
    parts = [
        b64(json.dumps({name: one for name, one in part.items() if one is not None}).encode())
        for part in (full, claims)
    ]
    if full["alg"] == "none":
        return f"{'.'.join(parts)}."
    made = JWSRegistry.algorithms[str(full["alg"])].sign(".".join(parts).encode(), key)
    return ".".join([*parts, b64(made)])


@cache
def certificate(name: str = "council-client") -> x509.Certificate:
    """Return a self-signed certificate with a name of every kind."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name.from_rfc4514_string(f"CN={name},O=Strathclachan Council,C=GB")
    names = x509.SubjectAlternativeName(
        [x509.DNSName(f"{name}.council.example"), x509.RFC822Name(f"{name}@council.example")]
    )
    start = clock.now() - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )


def in_header(shown: x509.Certificate) -> str:
    """Return a certificate as Envoy hands it on."""
    pem = quote(shown.public_bytes(Encoding.PEM).decode())
    return f'Hash=0123;Cert="{pem}";Subject="CN=council-client,O=Strathclachan Council"'


def thumbprint_of(shown: x509.Certificate) -> str:
    return b64(hashlib.sha256(shown.public_bytes(Encoding.DER)).digest())


@dataclass
class StrictClient:
    """One registered client with its keys.

    Attributes:
        auth: ``private_key_jwt`` or ``tls_client_auth``.
        binding: ``dpop`` or ``mtls``.
        signs: its requests are signed objects and its answers signed.
    """

    world: World
    auth: str = "private_key_jwt"
    binding: str = "dpop"
    signs: bool = False
    client_id: str = "council-client"
    issuer: str = STRICT
    key: AnyKey = field(default_factory=ec_key)
    proof_key: AnyKey = field(default_factory=lambda: ec_key("P-256", 7))
    nonce: str | None = None

    def __post_init__(self) -> None:
        self.http = TestClient(
            self.world.http.app,
            base_url=PUBLIC_URL,
            follow_redirects=False,
            client=("203.0.113.9", 0),
        )

    def register(self, **changes: Any) -> "StrictClient":
        """Register the client and return it."""
        options = ClientOptions(
            dpop_bound_access_tokens=self.binding == "dpop",
            tls_client_certificate_bound_access_tokens=self.binding == "mtls",
            require_signed_request_object=self.signs,
            tls_client_auth_subject_dn=(
                certificate(self.client_id).subject.rfc4514_string()
                if self.auth == "tls_client_auth"
                else None
            ),
        )
        values: dict[str, object] = {
            "profile": "strict",
            "auth_method": self.auth,
            "options": options,
            "jwks": [self.key.as_dict(private=False)],
        }
        self.world.register(self.client_id, **(values | changes))
        return self

    @property
    def alg(self) -> str:
        """What its own key signs with."""
        if isinstance(self.key, ECKey):
            return "ES256"
        return "PS256" if isinstance(self.key, RSAKey) else "EdDSA"

    @property
    def shows_certificate(self) -> bool:
        return self.auth != "private_key_jwt" or self.binding == "mtls"

    def assertion(self, *, alg: str = "", key: AnyKey | None = None, **changes: Any) -> str:
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "iat": now(),
            "exp": now() + 60,
            "jti": secrets.token_hex(8),
        } | changes
        return sign(claims, key or self.key, alg=alg or self.alg)

    def credentials(self) -> dict[str, str]:
        if self.auth != "private_key_jwt":
            return {"client_id": self.client_id}
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}

    def proof(
        self,
        url: str,
        method: str = "POST",
        *,
        key: AnyKey | None = None,
        token: str | None = None,
        header: Mapping[str, object] | None = None,
        **changes: Any,
    ) -> str:
        signer = key or self.proof_key
        ath = b64(hashlib.sha256(token.encode()).digest()) if token else None
        claims = {
            "htm": method,
            "htu": url,
            "iat": now(),
            "jti": secrets.token_hex(8),
            "nonce": self.nonce,
            "ath": ath,
        } | changes
        full = {"typ": "dpop+jwt", "jwk": signer.as_dict(private=False)} | dict(header or {})
        return sign(claims, signer, **full)

    def request_object(self, *, alg: str = "", key: AnyKey | None = None, **changes: Any) -> str:
        """Return the request as a signed object; None leaves a member out."""
        claims: dict[str, object] = {
            **self.parameters(),
            "iss": self.client_id,
            "aud": self.issuer,
            "nbf": now(),
            "exp": now() + 300,
        }
        alg = alg or self.alg
        return sign(claims | changes, key or self.key, alg=alg, typ="oauth-authz-req+jwt")

    def parameters(self) -> dict[str, str]:
        sent = {
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "state": "st=te==",
            "nonce": "n/nce==",
            "code_challenge": challenge_of(self.world.verifier),
            "code_challenge_method": "S256",
        }
        return sent | ({"response_mode": "jwt"} if self.signs else {})

    def send(
        self,
        path: str,
        form: Mapping[str, str | None],
        *,
        headers: Mapping[str, str] | None = None,
        proof: str | None = "",
        shown: x509.Certificate | None = None,
    ) -> Response:
        """Send a form; an empty proof stands for a good one where the client binds by DPoP.

        The nonce that the server asks for is taken up and the request repeated with it.
        """
        url = f"{self.issuer}{path}"
        makes_one = proof == "" and self.binding == "dpop" and path == "/token"
        all_headers = dict(headers or {})
        if self.shows_certificate:
            all_headers[HEADER] = in_header(shown or certificate(self.client_id))
        if makes_one or proof:
            all_headers["DPoP"] = proof or self.proof(url)
        sent = {name: value for name, value in form.items() if value is not None}
        answer = self.http.post(url, data=sent, headers=all_headers)
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        if makes_one and answer.json().get("error") == "use_dpop_nonce":
            again = {"client_assertion": self.assertion()} if "client_assertion" in sent else {}
            all_headers["DPoP"] = self.proof(url)
            answer = self.http.post(url, data=sent | again, headers=all_headers)
        return answer

    def push(self, *, outside: Mapping[str, str] | None = None, **changes: Any) -> Response:
        """Push a request; changes go into the signed object where the client signs."""
        if self.signs:
            form: dict[str, str | None] = {"request": self.request_object(**changes)}
            return self.send("/par", self.credentials() | form | dict(outside or {}))
        sent = self.parameters() | changes
        form = {name: None if value is None else str(value) for name, value in sent.items()}
        return self.send("/par", form | self.credentials() | dict(outside or {}))

    def pushed(self, **changes: Any) -> str:
        answer = self.push(**changes)
        assert answer.status_code == 201, answer.text
        name: str = answer.json()["request_uri"]
        return name

    def visit(self, request_uri: str, **changes: str) -> Response:
        """Let the person's browser bring a pushed request."""
        params = {"client_id": self.client_id, "request_uri": request_uri} | changes
        return self.world.http.get(f"{self.issuer}/authorize", params=params)

    def answer(self, response: Response) -> dict[str, str]:
        """Return what leads back to the client, taken out of its signed answer."""
        assert response.status_code in (302, 303), response.text
        found = parse_qs(urlsplit(response.headers["location"]).query)
        members = {name: values[0] for name, values in found.items()}
        if "response" not in members:
            return members
        body = members["response"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return {name: str(value) for name, value in claims.items()}

    def code(self, **changes: Any) -> str:
        answer = self.answer(self.visit(self.pushed(**changes)))
        assert "code" in answer, answer
        return answer["code"]

    def redeem(
        self,
        code: str,
        *,
        proof: str | None = "",
        shown: x509.Certificate | None = None,
        **changes: str | None,
    ) -> Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.world.verifier,
            **self.credentials(),
        }
        return self.send("/token", form | changes, proof=proof, shown=shown)

    def tokens(self, **changes: Any) -> dict[str, str]:
        answer = self.redeem(self.code(**changes))
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    def userinfo(
        self,
        token: str,
        *,
        scheme: str = "",
        proof: str | None = "",
        shown: x509.Certificate | None = None,
        **changes: Any,
    ) -> Response:
        """Ask with a token as the client is bound; repeats with the nonce that it is given."""
        url = f"{self.issuer}/userinfo"
        usual = "DPoP" if self.binding == "dpop" else "Bearer"
        headers = {"Authorization": f"{scheme or usual} {token}"}
        if self.binding == "mtls":
            headers[HEADER] = in_header(shown or certificate(self.client_id))
        makes_one = proof == "" and self.binding == "dpop"
        if proof or makes_one:
            headers["DPoP"] = proof or self.proof(url, "GET", token=token, **changes)
        answer = self.http.get(url, headers=headers)
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        if makes_one and answer.json().get("error") == "use_dpop_nonce":
            headers["DPoP"] = self.proof(url, "GET", token=token, **changes)
            answer = self.http.get(url, headers=headers)
        return answer
