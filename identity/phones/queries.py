"""Reads of telephones."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from identity.codes.rules import Target
from identity.phones.models import Phone
from identity.phones.rules import Kind, Number
from shared.crypto import Sealer

PHONE_RECORD = "phone.number"


@dataclass(frozen=True)
class PhoneView:
    """An account's confirmed number; ``number`` is the claim ``phone_number`` (E.164)."""

    number: str = field(repr=False)
    kind: Kind
    confirmed_at: datetime
    check_id: UUID

    @property
    def target(self) -> Target:
        """Where a code for this telephone goes."""
        return Number(self.number, self.kind).target

    @property
    def claims(self) -> dict[str, object]:
        """The claims ``phone_number`` and ``phone_number_verified`` (OpenID Connect Core, 5.1)."""
        return {"phone_number": self.number, "phone_number_verified": True}


def get_phone(session: Session, account_id: UUID, sealer: Sealer) -> PhoneView | None:
    """Return the confirmed number of an account, None when it has none."""
    row = session.execute(
        select(Phone.number_sealed, Phone.kind, Phone.confirmed_at, Phone.check_id).where(
            Phone.account_id == account_id
        )
    ).one_or_none()
    if row is None:
        return None
    aad = f"identity.{PHONE_RECORD}:{account_id}".encode()
    number = sealer.open(bytes(row.number_sealed), aad).decode()
    return PhoneView(number, cast("Kind", row.kind), row.confirmed_at, row.check_id)


def get_phone_kind(session: Session, account_id: UUID) -> str | None:
    """Return whether an account has a mobile or a landline, without opening the number."""
    return session.execute(
        select(Phone.kind).where(Phone.account_id == account_id)
    ).scalar_one_or_none()
