"""What the columns of an account's statements in CSV hold; saved, and used until it is changed."""

import json
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reconciliation.readers.csv_lines import ColumnMap
from shared import audit
from shared.actors import Actor

_FIND = text("SELECT mapping FROM csv_mapping WHERE bank_account_id = :account AND body = :body")
_SAVE = text(
    """
    INSERT INTO csv_mapping (bank_account_id, body, mapping, saved_by, saved_name, saved_at)
    VALUES (:account, :body, cast(:mapping AS jsonb), :by, :name, :now)
    ON CONFLICT (bank_account_id) DO UPDATE SET mapping = excluded.mapping,
      saved_by = excluded.saved_by, saved_name = excluded.saved_name, saved_at = excluded.saved_at
    """
)


def find_mapping(session: Session, body: str, account_id: UUID) -> ColumnMap | None:
    """Return the mapping of an account, or None before there is one."""
    values = {"account": account_id, "body": body}
    found = session.execute(_FIND, values).scalar_one_or_none()
    return None if found is None else ColumnMap.of(found)


def save_mapping(
    session: Session, account_id: UUID, mapping: ColumnMap, actor: Actor, now: datetime
) -> None:
    """Keep a mapping for the account's files from now on; the caller has tried it on one."""
    session.execute(
        _SAVE,
        {
            "account": account_id,
            "body": actor.organisation,
            "mapping": json.dumps(asdict(mapping)),
            "by": actor.id,
            "name": actor.name,
            "now": now,
        },
    )
    action = "reconciliation.mapping.saved"
    audit.record(session, actor, action, "bank_account", account_id, asdict(mapping))
