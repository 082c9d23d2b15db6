"""Beneficiaries are registered and updated; every change is a new version."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from payments.govstack import models
from payments.govstack.queries import Beneficiary, list_beneficiaries
from payments.govstack.shape_a.rules import BeneficiaryEntry
from payments.payees.bank_details import DetailsVault
from shared import audit
from shared.actors import Actor
from shared.correlation import correlation_id
from shared.ids import new_id

_TAIL = 4


def save_beneficiaries(
    session: Session,
    vault: DetailsVault,
    organisation: str,
    source: str,
    request_id: str,
    entries: Sequence[BeneficiaryEntry],
    actor: Actor,
    now: datetime,
) -> None:
    """Register beneficiaries, or add a version to those that are known; equal ones stay.

    A member that was not sent keeps what is known. Addresses are kept sealed only.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 43))"),
        {"name": f"govstack-beneficiaries:{organisation}"},
    )
    known = list_beneficiaries(session, organisation, [one.functional_id for one in entries])
    rows = []
    for entry in entries:
        before = known.get(entry.functional_id)
        address = entry.address
        if not address and before is not None and before.address_sealed is not None:
            address = vault.open_text(before.address_sealed, before.record)
        content = (entry.modality, address, entry.institution, entry.is_active)
        if before is not None and content == _content_of(vault, before):
            continue
        row_id = new_id()
        record = f"beneficiary:{row_id}"
        rows.append(
            {
                "id": row_id,
                "organisation": organisation,
                "functional_id": entry.functional_id,
                "version": before.version + 1 if before else 1,
                "source": source,
                "request_id": request_id,
                "modality": entry.modality,
                "address_sealed": vault.seal_text(address, record) if address else None,
                "address_tail": address[-_TAIL:] if len(address) > 2 * _TAIL else "",
                "institution": entry.institution,
                "is_active": entry.is_active,
                "registered_at": now,
                "correlation_id": correlation_id(),
            }
        )
    if rows:
        session.execute(insert(models.beneficiary), rows)
    details = {"request": request_id, "sent": len(entries), "changed": len(rows)}
    audit.record(
        session, actor, "payments.govstack.beneficiaries_saved", "body", organisation, details
    )


def _content_of(vault: DetailsVault, stored: Beneficiary) -> tuple[str, str, str, bool]:
    sealed = stored.address_sealed
    address = vault.open_text(sealed, stored.record) if sealed is not None else ""
    return stored.modality, address, stored.institution, stored.is_active
