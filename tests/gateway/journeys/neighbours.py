"""What journeys need around them, on one address as behind Envoy: issuer, payments, mailbox.

Each answers as the agreed calls say and counts its effects, so that a doubled one is seen. They
share no code with the services they stand for.
"""

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

SUBJECT = "0191d6e0-0000-7000-8000-000000000001"


def _problem(status: int, code: str, faults: list[dict[str, str]] | None = None) -> Response:
    body = {"type": "about:blank", "title": code, "status": status, "code": code}
    return JSONResponse(
        body | ({"fields": faults} if faults else {}), status, media_type="application/problem+json"
    )


@cache
def _keys() -> tuple[RSAKey, ECKey]:
    return RSAKey.generate_key(2048, auto_kid=True), ECKey.generate_key("P-256", auto_kid=True)


@dataclass
class Neighbours:
    """The stand-ins and what they remember."""

    public_url: str = ""
    subject: str = SUBJECT
    verification: str = "good"
    refuses_sign_in: str = ""
    birth_date: str = "1954-03-27"
    away: set[str] = field(default_factory=set)
    refuses_letters: tuple[int, str] | None = None
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    correlations: set[str] = field(default_factory=set)
    before_check: Callable[[], None] = field(default=lambda: None)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rsa, self._ec = _keys()

    def forget(self) -> None:
        """Become as at the start, for the next test."""
        fresh = Neighbours(self.public_url)
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))

    def app(self) -> Starlette:
        """Return the stand-ins as one application."""
        return Starlette(
            routes=[
                Route("/identity/oidc/token", self.service_token, methods=["POST"]),
                Route("/identity/oidc/jwks.json", self.platform_keys),
                Route("/identity/scotaccount/jwks.json", self.keys),
                Route("/identity/scotaccount/authorize", self.authorize),
                Route("/identity/scotaccount/authorize/logout", self.logout),
                Route("/identity/scotaccount/token", self.token, methods=["POST"]),
                Route("/identity/scotaccount/attributes/values", self.attributes),
                Route("/payments/v1/confirmation-of-payee", self.check_payee, methods=["POST"]),
                Route("/payments/v1/payments", self.make_payment, methods=["POST"]),
                Route("/notifications/v1/mailbox-messages", self.send_message, methods=["POST"]),
            ]
        )

    @property
    def issuer(self) -> str:
        return f"{self.public_url}/identity/scotaccount"

    def access_token(self, scope: str, client_id: str = "payments-service") -> str:
        """Return a good access token of the platform's issuer for calls to the gateway's API."""
        now = int(time.time())
        claims = {
            "iss": f"{self.public_url}/identity/oidc",
            "aud": self.public_url,
            "sub": client_id,
            "client_id": client_id,
            "scope": scope,
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_hex(8),
        }
        header = {"alg": "ES256", "kid": self._ec.kid, "typ": "at+jwt"}
        return jwt.encode(header, claims, self._ec)

    async def service_token(self, _request: Request) -> Response:
        return JSONResponse({"access_token": "service", "expires_in": 300, "token_type": "Bearer"})

    async def platform_keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self._ec.as_dict(private=False)]})

    async def keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self._rsa.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.calls.append(f"authorize {asked['scope']}")
        back = {"state": asked["state"]}
        if self.refuses_sign_in:
            back["error"] = self.refuses_sign_in
        else:
            code = secrets.token_urlsafe(16)
            self._codes[code] = asked
            back["code"] = code
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def logout(self, request: Request) -> Response:
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 302)

    async def token(self, request: Request) -> Response:
        form = await request.form()
        asked = self._codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if asked is None or not form.get("client_assertion") or not digest:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "sub": self.subject,
            "aud": asked["client_id"],
            "iss": self.issuer,
            "iat": now,
            "exp": now + 900,
            "nonce": asked["nonce"],
        }
        header = {"alg": "RS256", "kid": self._rsa.kid}
        return JSONResponse(
            {
                "access_token": f"{self.subject} {asked['scope']}",
                "id_token": jwt.encode(header, claims, self._rsa),
                "token_type": "Bearer",
                "expires_in": 900,
                "scope": asked["scope"],
            }
        )

    async def attributes(self, request: Request) -> Response:
        self.calls.append("attributes")
        if not request.headers.get("DIS-Client-Assertion"):
            return JSONResponse({"error": "access_denied"}, 401)
        if "attributes" in self.away:
            return JSONResponse({"error": "internal_server_error"}, 503)
        if self.verification == "none":
            return JSONResponse({"error": "not_found"}, 404)
        now = int(time.time())
        subject = "somebody else" if self.verification == "foreign" else self.subject
        claims = {
            "iss": f"{self.issuer}/jwt",
            "sub": subject,
            "iat": now,
            "verified_claims": self._verified(),
        }
        key = RSAKey.generate_key(2048) if self.verification == "forged" else self._rsa
        header = {"alg": "RS256", "kid": self._rsa.kid}
        return JSONResponse({"claimsToken": jwt.encode(header, claims, key)})

    def _verified(self) -> list[dict[str, Any]]:
        good = self.verification != "failed"
        person = {
            "scope": "scotaccount.gpg45.medium",
            "verification": self._verification(
                "VERIFIED_SUCCESSFULLY" if good else "VERIFICATION_FAILED"
            ),
        }
        if good:
            person["claims"] = {
                "given_name": "Morag",
                "family_name": "Fictional",
                "birth_date": self.birth_date,
            }
        address = {
            "scope": "scotaccount.address",
            "verification": self._verification("VERIFIED_SUCCESSFULLY"),
            "claims": {
                "address": {
                    "buildingNumber": "1",
                    "streetName": "Example Street",
                    "addressLocality": "Strathclachan",
                    "postalCode": "ZZ1 1ZZ",
                }
            },
        }
        return [person] if self.verification in ("no_address", "failed") else [person, address]

    def _verification(self, outcome: str) -> dict[str, Any]:
        return {
            "outcome": outcome,
            "trust_framework": "uk_tfida",
            "time": "2026-11-20T10:12:54Z",
            "verifier": {
                "organization": "ScotAccount",
                "txn": "0191d6e0-0000-7000-8000-0000000000aa",
            },
            "confidence_level": "medium",
        }

    async def check_payee(self, request: Request) -> Response:
        body = await request.json()
        self._note(request, "check_payee")
        self.before_check()
        if "payments" in self.away:
            return _problem(503, "unavailable")
        if body["account_number"] == "99999999":
            fault = {"field": "account_number", "message": "This account number is not valid"}
            return _problem(422, "invalid", [fault])
        self.checks.append(body)
        table = {"1": "match", "2": "close_match", "3": "no_match", "4": "unable_to_check"}
        outcome = table.get(body["account_number"][-1], "match")
        held = "Morag Fictional"
        if body["name"] == held and outcome == "close_match":
            outcome = "match"
        return JSONResponse(
            {
                "check_id": f"check-{len(self.checks)}",
                "outcome": outcome,
                "reason_code": {"match": "", "close_match": "MBAM", "no_match": "ANNM"}.get(
                    outcome, "ACNS"
                ),
                "matched_name": held if outcome == "close_match" else None,
                "explanation": "",
                "modulus": {"result": "valid", "explanation": ""},
            }
        )

    async def make_payment(self, request: Request) -> Response:
        body = await request.json()
        self._note(request, "make_payment")
        if "payments" in self.away:
            return _problem(503, "unavailable")
        if body["payee"]["account_number"].endswith("8"):
            return _problem(422, "payee_refused")
        return self._once(request, self.payments, body, "payment_id", 201)

    async def send_message(self, request: Request) -> Response:
        body = await request.json()
        self._note(request, "send_message")
        if "notifications" in self.away:
            return _problem(503, "unavailable")
        if self.refuses_letters is not None:
            return _problem(*self.refuses_letters)
        return self._once(request, self.messages, body, "id", 202)

    def _once(
        self,
        request: Request,
        kept: dict[str, dict[str, Any]],
        body: dict[str, Any],
        name: str,
        status: int,
    ) -> Response:
        key = request.headers["Idempotency-Key"]
        digest = json.dumps(body, sort_keys=True)
        if key in kept and self._hashes[key] != digest:
            return _problem(409, "idempotency_key_reused")
        self._hashes[key] = digest
        kept.setdefault(key, body)
        number = list(kept).index(key) + 1
        answer = {name: f"{name}-{number}", "state": "awaiting_approval", "status": "accepted"}
        return JSONResponse(answer, status)

    def _note(self, request: Request, call: str) -> None:
        self.calls.append(call)
        self.correlations.add(request.headers["X-Correlation-Id"])


def one_address(neighbours: Neighbours, gateway: ASGIApp) -> Starlette:
    """Return what Envoy would show: the neighbours by their prefixes, the gateway for the rest."""
    routes = [*neighbours.app().routes, Mount("", gateway)]
    return Starlette(routes=routes)


@contextmanager
def served(app: ASGIApp, port: int) -> Iterator[None]:
    """Serve an application on a local port for the duration of a block."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
