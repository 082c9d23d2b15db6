"""Callbacks: planned with what they report, sent through the guarded client, written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import ECKey, Key
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from payments.govstack import models
from payments.govstack.rules import body_sha256
from shared.guarded_http import GuardedHttp, OutboundError
from shared.ids import new_id
from shared.outbox import enqueue

_TRIES = 8
_LONGEST_URL = 500
_SUCCESS = range(200, 300)
ISSUER = "payments-service"
SIGNATURE = "X-Callback-Signature"
Method = Literal["POST", "PUT"]


@dataclass(frozen=True)
class Waiting:
    """A callback to send."""

    id: UUID
    method: Method
    url: str
    body: Mapping[str, object]
    correlation_header: str
    attempts: int


def plan_callback(
    session: Session,
    organisation: str,
    url: str,
    body: Mapping[str, object],
    now: datetime,
    *,
    method: Method = "POST",
    correlation: str = "",
) -> None:
    """Have a result told to an address that the caller gave; no address is no callback.

    The body is kept as it is sent, so it must carry neither bank details nor voucher numbers.
    """
    if not url or len(url) > _LONGEST_URL or not url.isprintable():
        return
    callback_id = new_id()
    session.execute(
        insert(models.callback).values(
            id=callback_id,
            organisation=organisation,
            method=method,
            url=url,
            body=dict(body),
            correlation_header=correlation if correlation.isprintable() else "",
            state="waiting",
            created_at=now,
            state_at=now,
        )
    )
    enqueue(session, "payments.govstack.call_back", {"callback_id": str(callback_id)})


def get_waiting(session: Session, callback_id: UUID) -> Waiting | None:
    """Return a callback that is still to be sent, None for one that is done with."""
    table = models.callback
    row = session.execute(
        select(
            table.c.id,
            table.c.method,
            table.c.url,
            table.c.body,
            table.c.correlation_header,
            table.c.attempts,
        ).where(table.c.id == callback_id, table.c.state == "waiting")
    ).one_or_none()
    return Waiting(**row._asdict()) if row else None


def send(http: GuardedHttp, key: Key | None, waiting: Waiting, now: datetime) -> str:
    """Send a callback; returns an empty text for a success, else what went wrong."""
    headers = {}
    if waiting.correlation_header:
        headers["X-CorrelationID"] = waiting.correlation_header
    if key is not None:
        headers[SIGNATURE] = sign(key, waiting, now)
    call = http.put if waiting.method == "PUT" else http.post
    try:
        answer = call(waiting.url, json=waiting.body, headers=headers)
    except OutboundError as error:
        return str(error)
    return "" if answer.status in _SUCCESS else f"answered with {answer.status}"


def sign(key: Key, waiting: Waiting, now: datetime) -> str:
    """Return a signed statement of what is sent where: a JWT over the body's canonical SHA-256."""
    algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
    claims = {
        "iss": ISSUER,
        "aud": waiting.url,
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 600,
        "jti": f"{waiting.id}/{waiting.attempts + 1}",
        "body_sha256": body_sha256(waiting.body).hex(),
    }
    return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])


def note_attempt(session: Session, waiting: Waiting, fault: str, now: datetime) -> None:
    """Write down how an attempt went, and plan the next one; eight in all, then it is given up."""
    attempts = waiting.attempts + 1
    state = "delivered" if not fault else "given_up" if attempts >= _TRIES else "waiting"
    table = models.callback
    done = session.execute(
        update(table)
        .where(
            table.c.id == waiting.id,
            table.c.state == "waiting",
            table.c.attempts == waiting.attempts,
        )
        .values(attempts=attempts, state=state, state_at=now, last_answer=fault[:200])
        .returning(table.c.id)
    ).one_or_none()
    if done is not None and state == "waiting":
        pause = timedelta(seconds=30 * 4 ** (attempts - 1))
        payload = {"callback_id": str(waiting.id)}
        enqueue(session, "payments.govstack.call_back", payload, due_at=now + pause)
