"""Reads of the payee master, always within one public body."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    LargeBinary,
    Text,
    and_,
    any_,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session

from payments.payees.bank_details import AccountType, DetailsVault
from payments.payees.master.models import payee, payee_change, payee_stop
from payments.payees.master.rules import PayeeFacts, PayeeView
from payments.payees.models import name_check
from shared.errors import NotFound

_KEYS = ARRAY(LargeBinary)
# As its index has it.
_WORDS = literal_column("(name || ' ' || reference || ' ' || beneficiary)", Text)
OPEN_STATES = ("checking", "proposed")


@dataclass(frozen=True)
class Payee:
    """A payee as it stands; before its first confirmation as it was proposed."""

    id: UUID
    organisation: str
    reference: str
    state: str
    version: int
    name: str
    beneficiary: str
    account_type: AccountType
    account_fingerprint: bytes
    account_tail: str
    gl_code: str
    details_changed_at: datetime | None
    cooling_until: datetime | None
    is_stopped: bool
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True)
class Change:
    """A proposed, decided or confirmed change of a payee."""

    id: UUID
    organisation: str
    payee_id: UUID
    import_id: UUID | None
    base_version: int
    is_sensitive: bool
    reference: str
    name: str
    beneficiary: str
    account_type: AccountType
    details_sealed: bytes
    account_fingerprint: bytes
    account_tail: str
    gl_code: str
    email_sealed: bytes | None
    notes: str
    source: str
    reason: str
    proposed_by_kind: str
    proposed_by_id: str
    proposed_by_name: str
    proposed_at: datetime
    correlation_id: str
    state: str
    check_id: UUID | None
    modulus_result: str | None
    modulus_version: str | None
    version: int | None
    decided_by_id: str | None
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str | None
    cooling_until: datetime | None
    hurried_by_id: str | None
    hurried_by_name: str | None
    hurried_at: datetime | None
    hurry_reason: str | None

    @property
    def record(self) -> str:
        """What the sealed details of this change are bound to."""
        return change_record(self.id)


@dataclass(frozen=True)
class CheckedName:
    """What the bank said about the name of a change."""

    outcome: str | None
    reason_code: str | None
    answered_at: datetime | None


PAYEE_COLUMNS = [payee.c[name] for name in Payee.__dataclass_fields__]
CHANGE_COLUMNS = [payee_change.c[name] for name in Change.__dataclass_fields__]


def change_record(change_id: UUID) -> str:
    """Return what the sealed details of a change are bound to."""
    return f"payee_change:{change_id}"


def open_facts(vault: DetailsVault, change: Change) -> PayeeFacts:
    """Return what a change says, opened."""
    email = (
        vault.open_text(bytes(change.email_sealed), f"{change.record}:email")
        if change.email_sealed is not None
        else ""
    )
    return PayeeFacts(
        name=change.name,
        account_type=change.account_type,
        details=vault.open(bytes(change.details_sealed), change.record),
        reference=change.reference,
        beneficiary=change.beneficiary,
        gl_code=change.gl_code,
        email=email,
        notes=change.notes,
    )


def get_payee(session: Session, organisation: str, payee_id: UUID, *, lock: bool = False) -> Payee:
    """Return a payee of this body, locked where asked; refuses every other."""
    query = select(*PAYEE_COLUMNS).where(
        payee.c.organisation == organisation, payee.c.id == payee_id
    )
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("no_such_payee", "There is no such payee")
    return Payee(*row)


def get_change(session: Session, organisation: str, change_id: UUID) -> Change:
    """Return a change of this body; refuses every other."""
    row = session.execute(
        select(*CHANGE_COLUMNS).where(
            payee_change.c.organisation == organisation, payee_change.c.id == change_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound("no_such_change", "There is no such change of a payee")
    return Change(*row)


def find_current(session: Session, payee_id: UUID, version: int) -> Change | None:
    """Return the change that made this version, None for a payee that was never confirmed."""
    row = session.execute(
        select(*CHANGE_COLUMNS).where(
            payee_change.c.payee_id == payee_id, payee_change.c.version == version
        )
    ).one_or_none()
    return None if row is None else Change(*row)


def list_current(session: Session, payee_ids: Collection[UUID]) -> dict[UUID, Change]:
    """Return the change that is in force of each payee that has one."""
    rows = session.execute(
        select(*CHANGE_COLUMNS)
        .join(payee, payee.c.id == payee_change.c.payee_id)
        .where(payee.c.id.in_(payee_ids), payee_change.c.version == payee.c.version)
    )
    changes = [Change(*row) for row in rows]
    return {change.payee_id: change for change in changes}


def find_open(session: Session, payee_id: UUID) -> Change | None:
    """Return the change that waits for a decision, None when there is none."""
    row = session.execute(
        select(*CHANGE_COLUMNS).where(
            payee_change.c.payee_id == payee_id, payee_change.c.state.in_(OPEN_STATES)
        )
    ).one_or_none()
    return None if row is None else Change(*row)


def list_changes(session: Session, payee_id: UUID, *, limit: int = 200) -> list[Change]:
    """Return the newest changes of a payee, newest first."""
    rows = session.execute(
        select(*CHANGE_COLUMNS)
        .where(payee_change.c.payee_id == payee_id)
        .order_by(payee_change.c.id.desc())
        .limit(limit)
    )
    return [Change(*row) for row in rows]


def list_open_changes(
    session: Session, organisation: str, *, offset: int, limit: int
) -> tuple[list[Change], int]:
    """Return what waits for a decision, oldest first, and how much there is."""
    waiting = and_(
        payee_change.c.organisation == organisation, payee_change.c.state.in_(OPEN_STATES)
    )
    total = session.execute(select(func.count()).where(waiting)).scalar_one()
    rows = session.execute(
        select(*CHANGE_COLUMNS)
        .where(waiting)
        .order_by(payee_change.c.id)
        .offset(offset)
        .limit(limit)
    )
    return [Change(*row) for row in rows], total


def list_payees(
    session: Session,
    organisation: str,
    *,
    words: str = "",
    fingerprint: bytes | None = None,
    state: str = "",
    offset: int = 0,
    limit: int = 20,
) -> tuple[list[Payee], int]:
    """Return payees in order of their names, and how many there are.

    Takes words of name, own reference or beneficiary, or the fingerprint of an account; and a
    state, of which ``stopped`` and ``cooling`` are two more.
    """
    wanted = and_(payee.c.organisation == organisation, *_filters(words, fingerprint, state))
    total = session.execute(select(func.count()).select_from(payee).where(wanted)).scalar_one()
    rows = session.execute(
        select(*PAYEE_COLUMNS)
        .where(wanted)
        .order_by(payee.c.name, payee.c.id)
        .offset(offset)
        .limit(limit)
    )
    return [Payee(*row) for row in rows], total


def _filters(words: str, fingerprint: bytes | None, state: str) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if fingerprint is not None:
        filters.append(payee.c.account_fingerprint == fingerprint)
    filters.extend(_WORDS.icontains(word, autoescape=True) for word in words.split()[:5])
    if state == "stopped":
        filters.append(payee.c.is_stopped)
    elif state == "cooling":
        filters.append(payee.c.cooling_until > func.now())
    elif state:
        filters.append(payee.c.state == state)
    else:
        filters.append(payee.c.state != "refused")
    return filters


def find_payees(
    session: Session, organisation: str, fingerprints: Collection[bytes]
) -> dict[bytes, PayeeView]:
    """Return the payee of each account that is in the master, by account fingerprint.

    Where several payees share an account, or a stopped payee once had it, the stopped one is
    told, then the one that cools off longest. One query however many accounts are asked about.
    """
    if not fingerprints:
        return {}
    rows = session.execute(
        select(
            payee_change.c.account_fingerprint,
            payee.c.id,
            payee.c.reference,
            payee.c.name,
            payee.c.account_type,
            payee.c.gl_code,
            payee.c.details_changed_at,
            payee.c.cooling_until,
            payee_stop.c.code,
        )
        .join(payee, payee.c.id == payee_change.c.payee_id)
        .outerjoin(
            payee_stop,
            and_(payee_stop.c.payee_id == payee.c.id, payee_stop.c.lifted_at.is_(None)),
        )
        .where(
            payee_change.c.organisation == organisation,
            payee_change.c.account_fingerprint == any_(literal(list(set(fingerprints)), _KEYS)),
            payee_change.c.version.is_not(None),
            or_(payee_change.c.version == payee.c.version, payee_stop.c.code.is_not(None)),
        )
        .order_by(
            payee_change.c.account_fingerprint,
            payee_stop.c.code.is_(None),
            payee.c.cooling_until.desc().nulls_last(),
            payee.c.id,
        )
    ).all()
    holders: dict[bytes, set[UUID]] = {}
    for row in rows:
        holders.setdefault(bytes(row.account_fingerprint), set()).add(row.id)
    found: dict[bytes, PayeeView] = {}
    for row in rows:
        fingerprint = bytes(row[0])
        found.setdefault(
            fingerprint,
            PayeeView(
                payee_id=row.id,
                reference=row.reference,
                name=row.name,
                account_type=row.account_type,
                gl_code=row.gl_code,
                details_changed_at=row.details_changed_at,
                cooling_until=row.cooling_until,
                stop_code=row.code,
                several=len(holders[fingerprint]) > 1,
            ),
        )
    return found


def find_checked_name(session: Session, change: Change) -> CheckedName | None:
    """Return what the bank said of a change, None while it was not asked."""
    if change.check_id is None:
        return None
    row = session.execute(
        select(name_check.c.outcome, name_check.c.reason_code, name_check.c.answered_at).where(
            name_check.c.id == change.check_id
        )
    ).one()
    return CheckedName(*row)


def count_import_states(session: Session, import_id: UUID) -> dict[str, int]:
    """Return how many changes of a file are in each state."""
    rows = session.execute(
        select(payee_change.c.state, func.count())
        .where(payee_change.c.import_id == import_id)
        .group_by(payee_change.c.state)
    )
    return {row[0]: row[1] for row in rows}


def list_import_changes(
    session: Session, import_id: UUID, *, offset: int, limit: int
) -> list[Change]:
    """Return a page of the changes of a file: those that wait for a decision first."""
    rows = session.execute(
        select(*CHANGE_COLUMNS)
        .where(payee_change.c.import_id == import_id)
        .order_by(payee_change.c.state.not_in(OPEN_STATES), payee_change.c.id)
        .offset(offset)
        .limit(limit)
    )
    return [Change(*row) for row in rows]
