"""A client of FAPI-CIBA: signs its requests, shows a certificate, and polls or waits for a ping."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from httpx2 import Response
from sqlalchemy import text
from starlette.testclient import TestClient

from identity.oidc import ciba_tasks
from identity.oidc.polled_journey import PING_TOPIC
from identity.oidc.provider import Provider
from identity.relying_parties.grants import CIBA
from identity.relying_parties.options import ClientOptions
from shared import outbox
from tests.identity.conformance.strict_client import (
    HEADER,
    AnyKey,
    certificate,
    in_header,
    now,
    sign,
)
from tests.identity.oidc.grants import JEAN, Grants, error_of
from tests.identity.oidc.world import ASSERTION_TYPE, PUBLIC_URL, World, ec_key
from tests.support.outside import Outside, Reply, Sent

PING_PATH = "/ciba-notification"


@dataclass
class CibaClient:
    """One registered client, the person it asks, and where it wants to be told.

    Attributes:
        profile: ``oidc``, where options make the client a strict one, or ``strict``.
        mode: ``poll`` or ``ping``.
    """

    world: World
    outside: Outside
    profile: str = "oidc"
    auth: str = "private_key_jwt"
    mode: str = "poll"
    client_id: str = "bank-service"
    key: AnyKey = field(default_factory=ec_key)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def __post_init__(self) -> None:
        self.issuer = f"{PUBLIC_URL}/identity/{self.profile}"
        self.http = TestClient(
            self.world.http.app,
            base_url=PUBLIC_URL,
            follow_redirects=False,
            client=("203.0.113.9", 0),
        )
        self.answer_pings(204)

    def register(self) -> "CibaClient":
        subject = certificate(self.client_id).subject.rfc4514_string()
        options = ClientOptions(
            token_endpoint_auth_signing_alg="ES256",
            tls_client_certificate_bound_access_tokens=True,
            tls_client_auth_subject_dn=subject if self.auth == "tls_client_auth" else None,
            backchannel_authentication_request_signing_alg="ES256",
            backchannel_token_delivery_mode=self.mode,
            backchannel_client_notification_endpoint=(
                f"{self.outside.url}{PING_PATH}" if self.mode == "ping" else None
            ),
        )
        self.world.register(
            self.client_id,
            profile=self.profile,
            auth_method=self.auth,
            options=options,
            grant_types=(CIBA, "refresh_token"),
            scopes=("openid", "profile", "email"),
            redirect_uris=(),
            sector="bank.example",
            jwks=[self.key.as_dict(private=False)],
        )
        return self

    def answer_pings(self, status: int, content: bytes = b"", **headers: str) -> None:
        """Answer notifications in this way from now on."""
        self.outside.replies[PING_PATH] = Reply(status, content, headers=headers)

    @property
    def pings(self) -> list[Sent]:
        return [one for one in self.outside.sent if one.path == PING_PATH]

    def assertion(self, *, alg: str = "ES256", key: AnyKey | None = None, **changes: object) -> str:
        at_token = f"{self.issuer}/token" if self.profile == "oidc" else self.issuer
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": at_token,
            "iat": now(),
            "exp": now() + 60,
            "jti": secrets.token_hex(8),
        } | changes
        return sign(claims, key or self.key, alg=alg)

    def credentials(self) -> dict[str, str]:
        if self.auth != "private_key_jwt":
            return {"client_id": self.client_id}
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}

    def object(self, *, alg: str = "ES256", key: AnyKey | None = None, **changes: object) -> str:
        """Return a signed request; a change of None leaves a member out."""
        claims: dict[str, object] = {
            "aud": self.issuer,
            "iss": self.client_id,
            "iat": now(),
            "nbf": now(),
            "exp": now() + 300,
            "jti": secrets.token_hex(8),
            "scope": "openid",
            "login_hint": JEAN,
        }
        if self.mode == "ping":
            claims["client_notification_token"] = self.token
        return sign(claims | changes, key or self.key, alg=alg)

    def post(self, path: str, params: dict[str, str], *, shows: bool = True) -> Response:
        headers = {HEADER: in_header(certificate(self.client_id))} if shows else {}
        return self.http.post(f"{self.issuer}{path}", data=params, headers=headers)

    def begin(self, request: str | None = None, **others: str) -> Response:
        """Send a signed request to the backchannel endpoint."""
        params = self.credentials() | {"request": request or self.object()} | others
        return self.post("/bc-authorize", params)

    def begun(self, request: str | None = None) -> str:
        answer = self.begin(request)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert len(body["auth_req_id"]) >= 40
        assert body["expires_in"] > 0
        return str(body["auth_req_id"])

    def poll(self, auth_req_id: str, **others: str) -> Response:
        params = {"grant_type": CIBA, "auth_req_id": auth_req_id, **self.credentials(), **others}
        return self.post("/token", params)

    def poll_without_certificate(self, auth_req_id: str) -> Response:
        params = {"grant_type": CIBA, "auth_req_id": auth_req_id, **self.credentials()}
        return self.post("/token", params, shows=False)

    def decide(self, decision: str = "approve") -> None:
        """Let the person answer the newest request on our pages."""
        request = self.world.scalar(
            "SELECT id FROM polled_request ORDER BY created_at DESC LIMIT 1"
        )
        assert request is not None
        grants = Grants(self.world, None)  # type: ignore[arg-type]  # the pages need no name
        done = grants.answer_request(decision)
        assert done.status_code == 303, done.text
        self.work()

    def work(self) -> None:
        """Send the notifications that wait."""
        provider = Provider(self.world.settings, self.world.sealer)
        with mock.patch.object(ciba_tasks, "provider_of_worker", return_value=provider):
            for job_id in self._jobs():
                outbox.run(self.world.database, self.world.settings, job_id, PING_TOPIC)

    def _jobs(self) -> list[int]:
        with self.world.database.transaction() as session:
            rows = session.execute(
                text("SELECT id FROM outbox WHERE topic = :topic ORDER BY id"),
                {"topic": PING_TOPIC},
            )
            return [int(one) for one in rows.scalars()]

    @contextmanager
    def nothing_begins(self) -> Iterator[None]:
        """Check that a refusal wrote no request and told nobody."""
        yield
        for table in ("polled_request", "outbox", "authorisation"):
            assert self.world.scalar(f"SELECT count(*) FROM {table}") == 0, table

    def refuses(self, request: str, error: str = "invalid_request", **others: str) -> None:
        """Check that a request is refused with 400 and nothing begins."""
        with self.nothing_begins():
            assert error_of(self.begin(request, **others)) == (400, error)
