"""Payees that may be one: the same account (certain), names with the same words (a hint)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.payees.master.models import payee
from payments.payees.master.queries import PAYEE_COLUMNS, Payee


@dataclass(frozen=True)
class Double:
    """Payees that share something."""

    payees: tuple[Payee, ...]


def list_shared_accounts(
    session: Session, organisation: str, *, offset: int, limit: int
) -> tuple[list[Double], int]:
    """Return accounts that several payees have, each with its payees, and how many there are."""
    shared = (
        select(payee.c.account_fingerprint)
        .where(payee.c.organisation == organisation, payee.c.state == "active")
        .group_by(payee.c.account_fingerprint)
        .having(func.count() > 1)
    )
    total = session.execute(select(func.count()).select_from(shared.subquery())).scalar_one()
    page = shared.order_by(payee.c.account_fingerprint).offset(offset).limit(limit).subquery()
    rows = session.execute(
        select(*PAYEE_COLUMNS)
        .join(page, page.c.account_fingerprint == payee.c.account_fingerprint)
        .where(payee.c.organisation == organisation, payee.c.state == "active")
        .order_by(payee.c.account_fingerprint, payee.c.name, payee.c.id)
    )
    groups: dict[bytes, list[Payee]] = {}
    for row in rows:
        one = Payee(*row)
        groups.setdefault(bytes(one.account_fingerprint), []).append(one)
    return [Double(tuple(group)) for group in groups.values()], total


def list_similar_names(
    session: Session, organisation: str, *, offset: int, limit: int
) -> tuple[list[Double], int]:
    """Return payees of one type whose names have the same words, but who have other accounts.

    Titles, punctuation, accents, and the order of the words make no difference.
    """
    similar = (
        select(payee.c.name_key, payee.c.account_type)
        .where(
            payee.c.organisation == organisation, payee.c.state == "active", payee.c.name_key != ""
        )
        .group_by(payee.c.name_key, payee.c.account_type)
        .having(func.count(payee.c.account_fingerprint.distinct()) > 1)
    )
    total = session.execute(select(func.count()).select_from(similar.subquery())).scalar_one()
    page = similar.order_by(payee.c.name_key).offset(offset).limit(limit).subquery()
    rows = session.execute(
        select(payee.c.name_key, *PAYEE_COLUMNS)
        .join(
            page,
            (page.c.name_key == payee.c.name_key) & (page.c.account_type == payee.c.account_type),
        )
        .where(payee.c.organisation == organisation, payee.c.state == "active")
        .order_by(payee.c.name_key, payee.c.account_type, payee.c.id)
    ).all()
    groups: dict[tuple[str, str], list[Payee]] = {}
    for row in rows:
        one = Payee(*row[1:])
        groups.setdefault((row[0], one.account_type), []).append(one)
    return [Double(tuple(group)) for group in groups.values()], total


def list_others_with(
    session: Session, organisation: str, fingerprint: bytes, besides: UUID
) -> list[Payee]:
    """Return the other payees that have or are proposed to have this account."""
    rows = session.execute(
        select(*PAYEE_COLUMNS)
        .where(
            payee.c.organisation == organisation,
            payee.c.account_fingerprint == fingerprint,
            payee.c.state != "refused",
            payee.c.id != besides,
        )
        .order_by(payee.c.name)
        .limit(20)
    )
    return [Payee(*row) for row in rows]
