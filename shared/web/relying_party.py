"""Signing people in with the platform's own OpenID Provider: the relying party of our pages.

Authorization code with PKCE S256 and ``private_key_jwt`` (OpenID Connect Core 3.1, RFC 7636,
RFC 7523). Every attempt has its own row, so two tabs do not disturb each other.
"""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

import httpx
from fastapi import Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from shared.crypto import SealBrokenError, Sealer, hash_token, random_token
from shared.errors import Forbidden, Problem
from shared.http import make_http
from shared.logs import get_logger
from shared.settings import ServiceSettings
from shared.tokens import ASSERTION_TYPE, KeySource, load_private_key, sign_assertion
from shared.web.logout_token import LogoutToken, read_logout_token
from shared.web.runtime import Runtime

_ATTEMPT_DAYS = 7
_SESSION_HOURS = 4
_LEEWAY_SECONDS = 10


@dataclass(frozen=True)
class WebSession:
    """A signed-in person, as the pages of one service know them."""

    subject: str
    claims: dict[str, object]
    scope: str
    access_token: str
    access_token_expires_at: int
    id_token: str
    id_hash: bytes = field(default=b"", repr=False)

    @property
    def display_name(self) -> str:
        """Return what to call the person in the page's header."""
        return str(self.claims.get("name") or self.claims.get("email") or "")


@dataclass(frozen=True)
class _Attempt:
    nonce: str
    code_verifier: str
    return_to: str


class RelyingParty:
    """One client of the OpenID Provider and the three routes it needs.

    ``/sign-in?return_to=`` starts, ``/callback`` ends, ``/sign-out`` leaves here and there.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        client_id: str,
        issuer: str,
        prefix: str,
        scope: str = "openid",
        key: Key | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        if key is None and settings.private_key_file is None:
            raise ValueError("signing people in needs private_key_file")
        # One of the two is there: the line above refuses anything else.
        self._key = key or load_private_key(settings.private_key_file)  # type: ignore[arg-type]  # the settings of a service that signs have a key file
        self._settings = settings
        self.client_id = client_id
        self.issuer = issuer
        self._prefix = prefix
        self._scope = scope
        self._http = http or make_http(10.0)
        self._keys = KeySource(f"{issuer}/jwks.json", self._http)
        host = "__Host-" if settings.secure_cookies else ""
        name = prefix.strip("/") or "pages"
        self._session_cookie = f"{host}{name}-session"
        self._browser_cookie = f"{host}{name}-browser"
        self.redirect_uri = f"{settings.public_url}{prefix}/callback"

    @property
    def backchannel_path(self) -> str:
        """Return where the provider says that sessions have ended."""
        return f"{self._prefix}/backchannel-logout"

    @property
    def sign_out_path(self) -> str:
        """Return the address of the form that signs out."""
        return f"{self._prefix}/sign-out"

    def start(
        self,
        session: Session,
        request: Request,
        now: datetime,
        *,
        return_to: str,
        scope: str = "",
        asked: Mapping[str, str] | None = None,
    ) -> Response:
        """Send the person to sign in (or to share more, with a wider scope) and remember why.

        ``asked`` are further parameters, like ``max_age`` and ``acr_values`` for a fresh and
        strong sign-in (OpenID Connect Core 3.1.2.1).
        """
        state, nonce, verifier = random_token(), random_token(), random_token(48)
        browser = request.cookies.get(self._browser_cookie) or random_token()
        session.execute(
            text(
                """
                INSERT INTO login_attempt
                  (state_hash, browser_hash, nonce, code_verifier, return_to, expires_at)
                VALUES (:state, :browser, :nonce, :verifier, :return_to, :expires_at)
                """
            ),
            {
                "state": hash_token(state),
                "browser": hash_token(browser),
                "nonce": nonce,
                "verifier": verifier,
                "return_to": _local(return_to),
                "expires_at": now + timedelta(days=_ATTEMPT_DAYS),
            },
        )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": scope or self._scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **(asked or {}),
        }
        if named := _named_claims(query["scope"]):
            query["claims"] = named
        response = RedirectResponse(f"{self.issuer}/authorize?{urlencode(query)}", 303)
        self._set_cookie(response, self._browser_cookie, browser, _ATTEMPT_DAYS * 86400)
        return response

    def finish(self, request: Request, runtime: Runtime, now: datetime) -> Response:
        """Redeem the code and open a session; refuses a replayed or foreign callback.

        Three steps, because nothing is locked while the provider is asked: take the attempt
        (commit), redeem the code, keep the session (commit).

        Raises:
            Problem: the provider's own error, a callback that nobody here began, or bad tokens.
        """
        with runtime.database.transaction() as session:
            attempt = self._take_attempt(session, request, now)
        if "error" in request.query_params:
            raise SignInRefused(
                request.query_params["error"],
                request.query_params.get("error_description", ""),
                attempt.return_to,
            )
        tokens = self._redeem(request.query_params.get("code", ""), attempt.code_verifier)
        claims = self._check_id_token(str(tokens["id_token"]), attempt.nonce)
        web_session = WebSession(
            subject=str(claims["sub"]),
            claims=claims,
            scope=str(tokens.get("scope", "")),
            access_token=str(tokens["access_token"]),
            access_token_expires_at=int(time.time()) + int(str(tokens["expires_in"])),
            id_token=str(tokens["id_token"]),
        )
        with runtime.database.transaction() as session:
            cookie = self._keep(session, request, runtime.sealer, now, web_session)
        response = RedirectResponse(attempt.return_to, 303)
        self._set_cookie(response, self._session_cookie, cookie, _SESSION_HOURS * 3600)
        return response

    def find_session(
        self, session: Session, request: Request, sealer: Sealer, now: datetime
    ) -> WebSession | None:
        """Return the signed-in person of this browser, None when nobody is."""
        cookie = request.cookies.get(self._session_cookie)
        if not cookie:
            return None
        row = session.execute(
            text(
                "SELECT id_hash, sealed FROM web_session"
                " WHERE id_hash = :id_hash AND expires_at > :now"
            ),
            {"id_hash": hash_token(cookie), "now": now},
        ).one_or_none()
        if row is None:
            return None
        id_hash = bytes(row.id_hash)
        try:
            content = sealer.open(bytes(row.sealed), b"web_session" + id_hash)
        except SealBrokenError:
            # Its key was taken out of the key file: the person signs in again.
            return None
        return WebSession(**json.loads(content), id_hash=id_hash)

    def sign_out(self, session: Session, found: WebSession | None) -> Response:
        """End the session here and lead to the provider, which ends its own."""
        target = self._prefix or "/"
        if found is not None:
            session.execute(
                text("DELETE FROM web_session WHERE id_hash = :id_hash"), {"id_hash": found.id_hash}
            )
            path = "/authorize/logout" if self.issuer.endswith("scotaccount") else "/logout"
            query = {
                "id_token_hint": found.id_token,
                "post_logout_redirect_uri": f"{self._settings.public_url}{self._prefix}/",
            }
            target = f"{self.issuer}{path}?{urlencode(query)}"
        response = RedirectResponse(target, 303)
        response.delete_cookie(self._session_cookie, path="/", secure=self._settings.secure_cookies)
        return response

    def read_logout_token(self, token: str, now: datetime) -> LogoutToken:
        """Return what a logout token of the provider ends; refuses every other token.

        May ask the provider for its keys: call it outside of transactions.
        """
        return read_logout_token(token, self._keys, self.issuer, self.client_id, now)

    def _take_attempt(self, session: Session, request: Request, now: datetime) -> _Attempt:
        row = session.execute(
            text(
                """
                DELETE FROM login_attempt
                 WHERE state_hash = :state AND browser_hash = :browser AND expires_at > :now
                RETURNING nonce, code_verifier, return_to
                """
            ),
            {
                "state": hash_token(request.query_params.get("state", "")),
                "browser": hash_token(request.cookies.get(self._browser_cookie, "")),
                "now": now,
            },
        ).one_or_none()
        if row is None:
            raise Forbidden(
                "sign_in_unknown",
                "This sign-in was finished already or began in another browser",
                detail="Go back to the service and sign in again.",
            )
        return _Attempt(row.nonce, row.code_verifier, row.return_to)

    def _redeem(self, code: str, verifier: str) -> dict[str, object]:
        url = f"{self.issuer}/token"
        try:
            answer = self._http.post(
                url,
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": self.redirect_uri,
                    "code_verifier": verifier,
                    "client_id": self.client_id,
                    "client_assertion_type": ASSERTION_TYPE,
                    "client_assertion": sign_assertion(self._key, self.client_id, self.issuer),
                },
            )
        except httpx.HTTPError as error:
            raise _sign_in_failed(503) from error
        if answer.status_code != httpx.codes.OK:
            get_logger().warning("sign_in.refused", status=answer.status_code)
            raise _sign_in_failed(502)
        return dict(answer.json())

    def _check_id_token(self, id_token: str, nonce: str) -> dict[str, object]:
        def key_of(guest: GuestProtocol) -> Key:
            key = self._keys.find(str(guest.headers().get("kid", "")))
            if key is None:
                raise LookupError("unknown signing key")
            return key

        try:
            claims = jwt.decode(id_token, key_of, algorithms=["ES256", "RS256"]).claims
            jwt.JWTClaimsRegistry(
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self.client_id},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError, LookupError, httpx.HTTPError) as error:
            raise _sign_in_failed(502) from error
        return dict(claims)

    def _keep(
        self,
        session: Session,
        request: Request,
        sealer: Sealer,
        now: datetime,
        web_session: WebSession,
    ) -> str:
        """Store the session under a new cookie value; the one before sign-in stops working."""
        previous = request.cookies.get(self._session_cookie, "")
        cookie = random_token()
        id_hash = hash_token(cookie)
        content = {
            name: getattr(web_session, name)
            for name in (
                "subject",
                "claims",
                "scope",
                "access_token",
                "access_token_expires_at",
                "id_token",
            )
        }
        session.execute(
            text("DELETE FROM web_session WHERE id_hash = :id_hash"),
            {"id_hash": hash_token(previous)},
        )
        session.execute(
            text(
                "INSERT INTO web_session (id_hash, subject, sid, sealed, expires_at)"
                " VALUES (:id_hash, :subject, :sid, :sealed, :expires_at)"
            ),
            {
                "id_hash": id_hash,
                "subject": web_session.subject,
                "sid": str(web_session.claims.get("sid") or "") or None,
                "sealed": sealer.seal(json.dumps(content).encode(), b"web_session" + id_hash),
                "expires_at": now + timedelta(hours=_SESSION_HOURS),
            },
        )
        return cookie

    def _set_cookie(self, response: Response, name: str, value: str, max_age: int) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path="/",
            secure=self._settings.secure_cookies,
            httponly=True,
            samesite="lax",
        )


class SignInRefused(Problem):
    """The provider sent the person back without signing them in, for instance after a cancel."""

    status = 403

    def __init__(self, error: str, description: str, return_to: str) -> None:
        super().__init__(
            error,
            "You were not signed in",
            detail=description or "Go back and try again when you are ready.",
        )
        self.return_to = return_to


def _named_claims(scope: str) -> str:
    """Return the ``claims`` that bring what the header of a page shows into the ID token.

    Scopes alone are answered by UserInfo (OpenID Connect Core, section 5.4).
    """
    shown = {"profile": "name", "email": "email"}
    names = {name: None for one, name in shown.items() if one in scope.split()}
    return json.dumps({"id_token": names}, separators=(",", ":")) if names else ""


def _sign_in_failed(status: int) -> Problem:
    return Problem(
        "sign_in_failed",
        "Signing in did not work",
        detail="Go back to the service and try again.",
        status=status,
    )


def _local(path: str) -> str:
    """Return a path of our own; anything that could lead elsewhere becomes the start page."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path
    return path if plain else "/"
