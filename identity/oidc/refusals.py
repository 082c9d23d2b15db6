"""The last refusals of each client, so that its developers can read what went wrong.

Written after the answer has left, in a transaction of its own: a refusal at the token endpoint
keeps the transaction it happened in. Nothing of what was sent is kept but our own sentence, and of
that nothing that may be an address or a secret.
"""

import base64
import binascii
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote_plus

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.oidc.errors import ProtocolError

PLACES = 50
_KEPT = timedelta(days=30)
_SAME_SECONDS = 10.0
_MOST_REMEMBERED = 2000
_LONGEST_DESCRIPTION = 200
_LONGEST_ID = 200
# What a healthy client meets every day: asked silently, still waiting, the person said no.
_EVERYDAY = frozenset(
    {
        "login_required",
        "interaction_required",
        "consent_required",
        "access_denied",
        "account_selection_required",
        "authorization_pending",
        "slow_down",
        "use_dpop_nonce",
    }
)
_SECRET = re.compile(r"\S*@\S+|[A-Za-z0-9+/=_.~-]{32,}")
# Two refusals at once may take one place: of the last fifty one is lost then, and nothing else.
_RECORD = text(
    """
    INSERT INTO client_refusal
      (client_id, place, number, at, endpoint, error, description, expires_at)
    SELECT r.client_id, (last.number + 1) % :places, last.number + 1, :now, :endpoint, :error,
           :description, :expires_at
      FROM relying_party r, (
        SELECT coalesce(max(number), 0) AS number FROM client_refusal WHERE client_id = :client_id
      ) last
     WHERE r.client_id = :client_id
    ON CONFLICT (client_id, place) DO UPDATE
       SET number = excluded.number, at = excluded.at, endpoint = excluded.endpoint,
           error = excluded.error, description = excluded.description,
           expires_at = excluded.expires_at
    """
)
_LIST = text(
    """
    SELECT at, endpoint, error, description FROM client_refusal
     WHERE client_id = :client_id AND expires_at > :now ORDER BY number DESC
    """
)


@dataclass(frozen=True)
class Refusal:
    """One refusal as it is shown."""

    at: datetime
    endpoint: str
    error: str
    description: str


class Throttle:
    """Lets the same refusal of the same client through once in ten seconds."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._lock = threading.Lock()

    def lets_through(self, *what: str) -> bool:
        """Tell whether this was not seen lately, and remember it."""
        now = time.monotonic()
        with self._lock:
            last = self._seen.get(what)
            if last is not None and now - last < _SAME_SECONDS:
                return False
            self._seen[what] = now
            self._seen.move_to_end(what)
            while len(self._seen) > _MOST_REMEMBERED:
                self._seen.popitem(last=False)
        return True


_throttle = Throttle()


def is_worth_recording(client_id: str, endpoint: str, error: ProtocolError) -> bool:
    """Tell whether a developer would want to see this refusal, and has not just seen it."""
    if not client_id or error.error in _EVERYDAY:
        return False
    return _throttle.lets_through(client_id, endpoint, error.error, error.description)


def record_refusal(
    session: Session, client_id: str, endpoint: str, error: ProtocolError, now: datetime
) -> None:
    """Keep a refusal as the newest of a client's last fifty; an unknown client has none."""
    session.execute(
        _RECORD,
        {
            "client_id": client_id,
            "places": PLACES,
            "now": now,
            "endpoint": endpoint,
            "error": error.error,
            "description": without_secrets(error.description),
            "expires_at": now + _KEPT,
        },
    )


def list_refusals(session: Session, client_id: str, now: datetime) -> list[Refusal]:
    """Return the last refusals of a client, the newest first."""
    rows = session.execute(_LIST, {"client_id": client_id, "now": now})
    return [Refusal(row.at, row.endpoint, row.error, row.description) for row in rows]


def without_secrets(description: str) -> str:
    """Return a sentence without what may be an e-mail address, a token or a key."""
    return _SECRET.sub("…", description)[:_LONGEST_DESCRIPTION]


def claimed_client(params: Mapping[str, str], authorization: str | None) -> str:
    """Return the client that a request says it comes from, proven or not; empty if it is silent."""
    named = params.get("client_id")
    if named:
        return named[:_LONGEST_ID]
    for member in ("client_assertion", "request"):
        if found := _subject_of(params.get(member, "")):
            return found[:_LONGEST_ID]
    scheme, _, credentials = (authorization or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return unquote_plus(decoded.partition(":")[0])[:_LONGEST_ID]
    if scheme.lower() in ("bearer", "dpop"):
        return _subject_of(credentials, "client_id", "cid")[:_LONGEST_ID]
    return ""


def _subject_of(token: str, *names: str) -> str:
    """Return who an unverified JWT names; only to find the list it belongs to."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return ""
    if not isinstance(claims, dict):
        return ""
    found = (claims.get(name) for name in names or ("sub", "client_id", "iss"))
    return next((value for value in found if isinstance(value, str)), "")
