"""Comparing payees with the sanctions list: many at once, with what was cleared before left out."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.screening import models
from payments.screening.queries import (
    SanctionsList,
    find_clearances,
    find_current_list,
    list_names,
)
from payments.screening.rules import Match, NameIndex, plain_name
from shared.ids import new_id


class Subject(NamedTuple):
    """A payment whose payee is compared."""

    payment_id: UUID
    payee_name: str
    account_fingerprint: bytes
    hold_code: str | None = None
    hold_reason: str | None = None


@dataclass(frozen=True)
class Hit:
    """A payment whose payee may be on the list."""

    subject: Subject
    subject_sha256: bytes
    matches: list[Match]


class _Kept:
    """The index of the list in force, made once for each process and list."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[UUID, int] | None = None
        self._index: NameIndex | None = None

    def get(self, session: Session, current: SanctionsList, score: int) -> NameIndex:
        with self._lock:
            if self._index is None or self._key != (current.id, score):
                self._index = NameIndex(list_names(session, current.id), score)
                self._key = (current.id, score)
            return self._index


_KEPT = _Kept()


def subject_hash(vault: DetailsVault, name: str, account_fingerprint: bytes) -> bytes:
    """Return what recognises a payee's name with an account, when it comes again."""
    return vault.fingerprint("screening", plain_name(name), account_fingerprint.hex())


def screen(
    session: Session,
    vault: DetailsVault,
    organisation: str,
    subject_id: UUID,
    subjects: Iterable[Subject],
    score: int,
    now: datetime,
) -> list[Hit] | None:
    """Compare payees with the list in force; None where there is no list.

    Keeps which list was used. What a person has cleared for the same payee, account and unchanged
    list entry is no hit again.
    """
    current = find_current_list(session)
    if current is None:
        return None
    index = _KEPT.get(session, current, score)
    compared = 0
    found: list[Hit] = []
    for subject in subjects:
        compared += 1
        if matches := index.find(subject.payee_name):
            key = subject_hash(vault, subject.payee_name, subject.account_fingerprint)
            found.append(Hit(subject, key, matches))
    hits = _without_cleared(session, organisation, found)
    session.execute(
        insert(models.screening).values(
            id=new_id(),
            organisation=organisation,
            subject_id=subject_id,
            list_id=current.id,
            names=compared,
            hits=len(hits),
            at=now,
        )
    )
    return hits


def _without_cleared(session: Session, organisation: str, found: list[Hit]) -> list[Hit]:
    if not found:
        return []
    cleared = find_clearances(session, organisation, {hit.subject_sha256 for hit in found})
    hits = []
    for hit in found:
        left = [
            match
            for match in hit.matches
            if (hit.subject_sha256, match.entry_id, match.entry_sha256) not in cleared
        ]
        if left:
            hits.append(Hit(hit.subject, hit.subject_sha256, left))
    return hits


def open_cases(
    session: Session,
    organisation: str,
    hits: list[Hit],
    now: datetime,
    *,
    upload_id: UUID | None,
) -> None:
    """Open a case for each hit; a payment has one case for each list."""
    current = find_current_list(session)
    if not hits or current is None:
        return
    session.execute(
        insert(models.screening_case),
        [
            {
                "id": new_id(),
                "organisation": organisation,
                "payment_id": hit.subject.payment_id,
                "upload_id": upload_id,
                "payee_name": hit.subject.payee_name,
                "subject_sha256": hit.subject_sha256,
                "list_id": current.id,
                "matches": [match.__dict__ for match in hit.matches],
                "next_hold_code": hit.subject.hold_code,
                "next_hold_reason": hit.subject.hold_reason,
                "opened_at": now,
            }
            for hit in hits
        ],
    )
