"""What every client of a service has: a token of its own and errors that say what happened."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx

from shared.errors import FieldError, Problem
from shared.http import make_http
from shared.settings import ServiceSettings
from shared.tokens import ASSERTION_TYPE, load_private_key, sign_assertion

_RENEW_SECONDS = 30


class ServiceUnavailableError(Exception):
    """The other service did not answer, or answered that it cannot now; trying again may help."""


class ServiceTokens:
    """Access tokens by client_credentials and private_key_jwt, kept until shortly before expiry."""

    def __init__(self, settings: ServiceSettings, client_id: str, http: httpx.Client) -> None:
        if settings.private_key_file is None:
            raise ValueError("a service that calls others needs private_key_file")
        self._key = load_private_key(settings.private_key_file)
        self._client_id = client_id
        self._issuer = settings.oidc_issuer
        self._http = http
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    def get(self, scope: str) -> str:
        """Return a token for these scopes; refuses when identity does not give one."""
        with self._lock:
            token, until = self._tokens.get(scope, ("", 0.0))
            if time.monotonic() < until:
                return token
            token, seconds = self._fetch(scope)
            self._tokens[scope] = (token, time.monotonic() + seconds - _RENEW_SECONDS)
            return token

    def _fetch(self, scope: str) -> tuple[str, int]:
        url = f"{self._issuer}/token"
        try:
            answer = self._http.post(
                url,
                data={
                    "grant_type": "client_credentials",
                    "scope": scope,
                    "client_assertion_type": ASSERTION_TYPE,
                    "client_assertion": sign_assertion(self._key, self._client_id, self._issuer),
                },
            )
        except httpx.HTTPError as error:
            raise ServiceUnavailableError("identity") from error
        if answer.status_code != httpx.codes.OK:
            raise ServiceUnavailableError(f"identity refused a token: {answer.status_code}")
        body = answer.json()
        return str(body["access_token"]), int(body["expires_in"])


class ServiceClient:
    """Calls one service over HTTP; a refusal comes back as the Problem that the service gave."""

    def __init__(
        self,
        service: str,
        settings: ServiceSettings,
        client_id: str,
        *,
        timeout_seconds: float = 10.0,
    ) -> None:
        self._service = service
        self._base = f"{settings.public_url}/{service}/v1"
        self._http = make_http(timeout_seconds)
        self._tokens = ServiceTokens(settings, client_id, self._http)

    def call(
        self,
        method: str,
        path: str,
        scope: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, object]:
        """Send one request and return its JSON object.

        Raises:
            Problem: the service refused (4xx), with its own code, title and fields.
            ServiceUnavailableError: no answer, a server error, or too many requests.
        """
        headers = {"Authorization": f"Bearer {self._tokens.get(scope)}"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        try:
            answer = self._http.request(
                method, self._base + path, json=body, params=query, headers=headers
            )
        except httpx.HTTPError as error:
            raise ServiceUnavailableError(self._service) from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            raise ServiceUnavailableError(f"{self._service} answered {answer.status_code}")
        try:
            content = dict(answer.json()) if answer.content else {}
        except (ValueError, TypeError) as error:
            # Not the service's own words, but those of something in between.
            raise ServiceUnavailableError(f"{self._service}: {answer.status_code}") from error
        if answer.is_error:
            raise _problem_from(content, answer.status_code)
        return content


def _problem_from(content: Mapping[str, Any], status: int) -> Problem:
    """Return a neighbour's refusal as our own, with the fields it named."""
    faults = content.get("fields") or []
    return Problem(
        str(content.get("code", "refused")),
        str(content.get("title", "The service refused")),
        detail=str(content.get("detail", "")),
        status=status,
        fields=tuple(FieldError(str(fault["field"]), str(fault["message"])) for fault in faults),
    )
