"""Accounts of a body's own programs come into being."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.own.rules import AccountType, check_code, normal_side
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict
from shared.ids import new_id

_OPEN = text(
    """
    INSERT INTO account (id, body, code, type, normal_side, currency, bound)
    VALUES (:id, :body, :code, :type, :side, 'GBP', :bound)
    ON CONFLICT (body, code) DO NOTHING RETURNING id
    """
)
_FIND = text("SELECT type, bound FROM account WHERE body = :body AND code = :code")


def open_own_account(
    session: Session, body: str, code: str, kind: AccountType, actor: Actor, *, bounded: bool
) -> bool:
    """Open an account whose code begins with ``own.``; True when it is new.

    ``bounded``: its balance may never pass below zero on its normal side.

    Raises:
        Invalid: not such a code.
        Conflict: ``account_differs``, it is there with another type or bound.
    """
    bound = "not_negative" if bounded else "none"
    values = {"body": body, "code": check_code(code), "type": kind, "side": normal_side(kind)}
    made = session.execute(_OPEN, {**values, "id": new_id(), "bound": bound}).scalar_one_or_none()
    if made is not None:
        audit.record(session, actor, "ledger.account.opened", "account", made, {"code": code})
        return True
    there = session.execute(_FIND, values).one()
    if tuple(there) != (kind, bound):
        raise Conflict("account_differs", "This account exists with another type or bound")
    return False
