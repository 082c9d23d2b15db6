"""Signing keys for operators' programs: GET /identity/v1/keys, POST /identity/v1/keys/rotate."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel
from starlette.responses import JSONResponse

from identity.keys.actions import rotate_keys
from identity.keys.queries import list_keys
from shared import idempotency
from shared.web.deps import Caller, NowDep, RuntimeDep, SessionDep, require_scope

router = APIRouter()

IdempotencyKey = Annotated[str, Header(pattern=r"^[A-Za-z0-9-]{1,255}$")]
Admin = Annotated[Caller, Depends(require_scope("identity.admin"))]
_SCOPE = "identity.keys.rotate"


class KeyAnswer(BaseModel):
    """One signing key: ``next``, ``active``, ``retiring`` or ``retired``."""

    kid: str
    algorithm: str
    state: str
    created_at: str
    activated_at: str | None
    retiring_at: str | None
    published_until: str | None


class KeysAnswer(BaseModel):
    """Every key that is kept, those that sign first."""

    keys: list[KeyAnswer]


class RotatedAnswer(BaseModel):
    """The ids of the keys that sign from now on."""

    active: list[str]


@router.get("/keys")
def show(session: SessionDep, _caller: Admin) -> KeysAnswer:
    """Tell which keys there are; never a private part."""
    return KeysAnswer(
        keys=[
            KeyAnswer(
                kid=key.kid,
                algorithm=key.algorithm,
                state=key.state,
                created_at=_time(key.created_at) or "",
                activated_at=_time(key.activated_at),
                retiring_at=_time(key.retiring_at),
                published_until=_time(key.published_until),
            )
            for key in list_keys(session)
        ]
    )


@router.post("/keys/rotate", response_model=RotatedAnswer)
def rotate(
    idempotency_key: IdempotencyKey,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    caller: Admin,
) -> JSONResponse:
    """Let the next keys sign from now on, once per idempotency key."""
    scope, digest = f"{_SCOPE}:{caller.client_id}", idempotency.request_hash({})
    stored = idempotency.remember(session, scope, idempotency_key, digest)
    if stored is not None:
        return JSONResponse(stored.body, stored.status, {"Idempotent-Replayed": "true"})
    body = {"active": rotate_keys(session, runtime.sealer, caller.actor, now)}
    idempotency.store(session, scope, idempotency_key, digest, status=200, body=body)
    return JSONResponse(body)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
