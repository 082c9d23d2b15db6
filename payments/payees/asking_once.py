"""A name check under an idempotency key: asked once, answered the same again, sealed meanwhile."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from payments.payees.actions import Checker, CheckRequest
from shared import idempotency
from shared.actors import Actor
from shared.errors import Conflict

# A question that was begun so long ago has no answer to come: whoever asked died.
_LONGEST_QUESTION = timedelta(seconds=60)
_IN_WORK, _ANSWERED = 102, 200
_LONG_AGO = "2000-01-01T00:00:00+00:00"


def ask_once(
    checker: Checker,
    request: CheckRequest,
    key: str,
    actor: Actor,
    ask: Callable[[], str],
) -> tuple[str, bool]:
    """Return the answer of ``ask``, once for each key, and whether it was given before.

    The text is kept sealed for 24 hours.
    The question itself is called outside of any transaction. After a
    refusal the same question may be sent again under its key.

    Raises:
        Conflict: ``idempotency_key_reused`` with another question; ``idempotency_key_in_use``, the
            first request with this key has not been answered yet.
    """
    scope = f"payees.check:{request.organisation}:{actor.id}"
    # Keyed, because account numbers can be guessed from a plain digest.
    digest = checker.vault.fingerprint("name check", *map(str, request.__dict__.values()))
    record = f"{scope}\n{key}"
    with checker.database.transaction() as session:
        stored = _claim(session, checker, scope, key, digest)
    if stored is not None:
        return checker.vault.open_text(bytes.fromhex(stored), record), True
    try:
        answer = ask()
    except BaseException:
        with checker.database.transaction() as session:
            _keep(session, scope, key, digest, _IN_WORK, {"begun_at": _LONG_AGO})
        raise
    with checker.database.transaction() as session:
        sealed = checker.vault.seal_text(answer, record).hex()
        _keep(session, scope, key, digest, _ANSWERED, {"sealed": sealed})
    return answer, False


def _claim(session: Session, checker: Checker, scope: str, key: str, digest: bytes) -> str | None:
    """Return the sealed answer that there is, or None when the caller is the one to ask."""
    stored = idempotency.remember(session, scope, key, digest)
    now = checker.clock()
    body = stored.body if stored is not None and isinstance(stored.body, dict) else {}
    if "sealed" in body:
        return str(body["sealed"])
    if "begun_at" in body and now - datetime.fromisoformat(body["begun_at"]) < _LONGEST_QUESTION:
        raise Conflict(
            "idempotency_key_in_use",
            "The first request with this idempotency key is not answered yet",
            detail="Send it again in a minute.",
        )
    _keep(session, scope, key, digest, _IN_WORK, {"begun_at": now.isoformat()})
    return None


def _keep(
    session: Session, scope: str, key: str, digest: bytes, status: int, body: dict[str, str]
) -> None:
    idempotency.store(session, scope, key, digest, status=status, body=body)
