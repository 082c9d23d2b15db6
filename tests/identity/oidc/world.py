"""A provider on a real database with registered clients, a person, and a client's own code.

Tokens are read with base64 and JSON here, not with the library that made them.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from httpx2 import Response
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import text
from starlette.testclient import TestClient

from identity.accounts.actions import create_account
from identity.accounts.vault import open_vault
from identity.keys.actions import ensure_keys
from identity.relying_parties.actions import register_relying_party
from identity.relying_parties.rules import RelyingParty
from identity.settings import IdentitySettings
from identity.signin.actions import Visitor, open_session
from identity.web import create_app
from shared import clock
from shared.actors import SYSTEM
from shared.crypto import Sealer, hash_token
from shared.db import Database

PUBLIC_URL = "http://localhost:8000"
OIDC = f"{PUBLIC_URL}/identity/oidc"
SCOT = f"{PUBLIC_URL}/identity/scotaccount"
CALLBACK = "https://council.example/callback"
SECRET = "an invented secret of more than forty letters"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@cache
def rsa_key(number: int) -> RSAKey:
    return RSAKey.generate_key(2048)


@cache
def ec_key(curve: str = "P-256", number: int = 0) -> ECKey:
    return ECKey.generate_key(curve)  # type: ignore[arg-type]  # the names of curves


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return header and payload of a JWT without looking at its signature."""
    header, payload, _signature = token.split(".")
    return tuple(  # type: ignore[return-value]  # as many as were asked for
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for part in (header, payload)
    )


def challenge_of(verifier: str) -> str:
    return b64(hashlib.sha256(verifier.encode()).digest())


@dataclass
class Person:
    account_id: UUID
    session_id: UUID
    cookie: str


@dataclass
class World:
    """One provider, its clients' keys, and what a client does."""

    database: Database
    settings: IdentitySettings
    http: TestClient
    sealer: Sealer
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @classmethod
    def create(cls, database: Database, url: str, key_file: Path) -> "World":
        settings = IdentitySettings(
            environment="test",
            public_url=PUBLIC_URL,
            port=8000,
            database_url=url,
            broker_url="redis://127.0.0.1:1/0",
            secret_key="x" * 40,
            encryption_key_file=key_file,
            log_level="WARNING",
            database_pool_size=16,
            outbound_allowed_hosts=["127.0.0.1"],
            client_certificate_header="x-forwarded-client-cert",
        )
        sealer = Sealer(key_file)
        with database.transaction() as session:
            ensure_keys(session, sealer, clock.now())
        http = TestClient(create_app(settings), base_url=PUBLIC_URL, follow_redirects=False)
        return cls(database, settings, http, sealer)

    def register(self, client_id: str = "council-client", **changes: object) -> RelyingParty:
        scot = changes.get("profile") == "scotaccount"
        party = RelyingParty(
            client_id=client_id,
            name="Council service",
            organisation="strathclachan",
            profile="oidc",
            auth_method="private_key_jwt",
            redirect_uris=(CALLBACK,),
            scopes=("openid", "profile", "email", "staff"),
            grant_types=("authorization_code", "refresh_token"),
            sector="council.example",
        )
        if scot:
            party = replace(
                party,
                id_token_alg="RS256",
                scopes=(
                    "openid",
                    "scotaccount.email",
                    "scotaccount.gpg45.medium",
                    "scotaccount.address",
                ),
            )
        jwks = changes.pop("jwks", None)
        keys = jwks if isinstance(jwks, list) else [ec_key().as_dict(private=False)]
        if str(changes.get("auth_method")).startswith("client_secret"):
            keys, changes = [], {**changes, "secret_hash": hash_token(SECRET)}
        party = replace(party, **changes)  # type: ignore[arg-type]  # members by name
        with self.database.transaction() as session:
            register_relying_party(session, party, keys, SYSTEM, clock.now())
        return party

    def sign_in(self, email: str = "jean@example.test") -> Person:
        """Make an account with a live session and put its cookie into the browser."""
        vault = open_vault(self.database, self.sealer)
        now = clock.now()
        visitor = Visitor(hash_token("browser"), "127.0.0.1", "Firefox", "en")
        with self.database.transaction() as session:
            account_id = create_account(
                session, vault, email=email, password_hash="none", language="en", now=now
            )
            assert account_id is not None
            opened = open_session(session, visitor, account_id=account_id, now=now)
        self.http.cookies.set("clachan-session", opened.cookie)
        return Person(account_id, opened.session_id, opened.cookie)

    def authorize(self, issuer: str = OIDC, **changes: str | None) -> Response:
        """Send an authorization request; None leaves a parameter out."""
        params = {
            "client_id": "council-client",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "state": "st=te==",
            "nonce": "n/nce==",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        } | changes
        sent = {name: value for name, value in params.items() if value is not None}
        return self.http.get(f"{issuer}/authorize", params=sent)

    def code(self, issuer: str = OIDC, **changes: str | None) -> str:
        """Return the code of a request that needs no page."""
        answer = answer_of(self.authorize(issuer, **changes))
        assert "code" in answer, answer
        return answer["code"]

    def assertion(
        self,
        client_id: str = "council-client",
        audience: object = OIDC,
        *,
        key: ECKey | RSAKey | None = None,
        header: Mapping[str, object] | None = None,
        **changes: object,
    ) -> str:
        """Return a client assertion; a change of None leaves a claim out."""
        signer = key or ec_key()
        algorithm = "ES256" if isinstance(signer, ECKey) else "RS256"
        now = int(clock.now().timestamp())
        claims: dict[str, object] = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        } | changes
        sent = {name: value for name, value in claims.items() if value is not None}
        full = {"alg": algorithm} | dict(header or {})
        registry = jws.JWSRegistry(algorithms=[str(full["alg"])], strict_check_header=False)
        return jws.serialize_compact(
            full, json.dumps(sent), signer, algorithms=[str(full["alg"])], registry=registry
        )

    def redeem(self, spent: str, issuer: str = OIDC, **changes: str | None) -> Response:
        """Redeem a code with an assertion; None leaves a parameter out."""
        client_id = str(changes.get("client_id") or "council-client")
        params = {
            "grant_type": "authorization_code",
            "code": spent,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(client_id, issuer),
        } | changes
        sent = {name: value for name, value in params.items() if value is not None}
        return self.http.post(f"{issuer}/token", data=sent)

    def refresh(self, token: str, issuer: str = OIDC, **changes: str | None) -> Response:
        client_id = str(changes.get("client_id") or "council-client")
        params = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(client_id, issuer),
        } | changes
        sent = {name: value for name, value in params.items() if value is not None}
        return self.http.post(f"{issuer}/token", data=sent)

    def tokens(self, issuer: str = OIDC, **changes: str | None) -> dict[str, str]:
        """Return the tokens of a person who is signed in."""
        client_id = changes.get("client_id") or "council-client"
        answer = self.redeem(self.code(issuer, **changes), issuer, client_id=client_id)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]  # JSON of our own making

    def close(self) -> None:
        """Give the connections of the application back."""
        self.http.app.routes[-1].app.state.runtime.database.engine.dispose()  # type: ignore[attr-defined]  # the test client holds our own app

    def scalar(self, statement: str, **values: object) -> object:
        """Return one value of the database."""
        with self.database.transaction() as session:
            return session.execute(text(statement), values).scalar()

    def execute(self, statement: str, **values: object) -> None:
        """Change rows, as time or an accident would."""
        with self.database.transaction() as session:
            session.execute(text(statement), values)


def answer_of(response: Response) -> dict[str, str]:
    """Return the parameters with which a redirect leads back to the client."""
    assert response.status_code in (302, 303), response.text
    location = urlsplit(response.headers["location"])
    sent = parse_qs(location.fragment or location.query)
    return {name: values[0] for name, values in sent.items()}


def later(**parts: float) -> datetime:
    """Return an instant after now."""
    return clock.now() + timedelta(**parts)
