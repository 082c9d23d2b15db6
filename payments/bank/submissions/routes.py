"""Which format and channel the files of an account take on each rail."""

import json
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.formats.profile import Channel, FileFormat, FileProfile, Rail, read_profile
from shared import audit
from shared.actors import Actor
from shared.errors import FieldError, Invalid

_FIND = text(
    "SELECT file_format, channel, profile FROM bank_route"
    " WHERE bank_account_id = :account AND rail = :rail"
)
_SET = text(
    """
    INSERT INTO bank_route (bank_account_id, rail, file_format, channel, profile)
    VALUES (:account, :rail, :file_format, :channel, cast(:profile AS jsonb))
    ON CONFLICT (bank_account_id, rail) DO UPDATE SET file_format = excluded.file_format,
      channel = excluded.channel, profile = excluded.profile, changed_at = now()
    """
)
_DEFAULT_FORMATS: dict[Rail, FileFormat] = {
    "bacs": "standard18",
    "faster_payments": "standard18",
    "chaps": "pain.001.001.09",
}


@dataclass(frozen=True)
class Route:
    """How a file reaches the bank, and what the bank wants of it."""

    file_format: FileFormat
    channel: Channel
    profile: FileProfile


def find_route(session: Session, bank_account_id: UUID, rail: Rail) -> Route:
    """Return the route of an account on a rail; the rail's default where none was set."""
    row = session.execute(_FIND, {"account": bank_account_id, "rail": rail}).one_or_none()
    if row is None:
        return Route(_DEFAULT_FORMATS[rail], "https", FileProfile())
    return Route(row.file_format, row.channel, read_profile(row.profile))


def set_route(
    session: Session, bank_account_id: UUID, rail: Rail, route: Route, actor: Actor
) -> None:
    """Set the route of an account on a rail; files that were begun keep the one they had.

    Raises:
        Invalid: CHAPS has no file format but pain.001.
    """
    if rail == "chaps" and route.file_format != "pain.001.001.09":
        raise Invalid(FieldError("file_format", "CHAPS takes pain.001 only"))
    profile = route.profile.model_dump(mode="json", exclude_defaults=True)
    session.execute(
        _SET,
        {
            "account": bank_account_id,
            "rail": rail,
            "file_format": route.file_format,
            "channel": route.channel,
            "profile": json.dumps(profile),
        },
    )
    facts = {"rail": rail, "file_format": route.file_format, "channel": route.channel}
    audit.record(
        session,
        actor,
        "bank.route.set",
        "bank_account",
        bank_account_id,
        facts | {"profile": profile},
    )
