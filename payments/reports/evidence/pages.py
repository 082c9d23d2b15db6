"""Proof of one payment: a page to print, and the same as JSON to keep."""

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from payments.payees.bank_details import DetailsVault, mask_account_number
from payments.payees.deps import VaultDep
from payments.reports.evidence.queries import (
    list_bank_words,
    list_files,
    list_ledger_lines,
)
from payments.reports.evidence.timeline import make_picture, make_timeline, states_seen
from payments.runs.access import Staff, require_role
from payments.runs.queries.payments import Payment, get_payment, list_payment_events
from payments.runs.queries.runs import find_body_name, get_run, list_approvals
from payments.runs.rules import SEES_RUNS, WORDS
from shared import audit
from shared.money import format_pounds
from shared.web.deps import NowDep, RuntimeDep, SessionDep

router = APIRouter()

Viewer = Annotated[Staff, Depends(require_role(*SEES_RUNS))]


@router.get("/payments/{public_id}/evidence")
def show_evidence(
    request: Request,
    public_id: str,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    now: NowDep,
) -> Response:
    """Show the proof of a payment as one page to print; taking it is noted in the audit."""
    payment = get_payment(session, staff.organisation, public_id)
    pack = make_pack(session, vault, payment, now)
    _note(session, staff, payment, "page")
    lines = make_timeline(session, payment)
    seen = states_seen(list_payment_events(session, payment))
    return runtime.pages.render(
        request,
        "reports/evidence.html",
        pack=pack,
        amount=format_pounds(payment.amount_pence),
        timeline=lines,
        picture=make_picture(payment, lines, seen),
        made_at=now,
    )


@router.get("/payments/{public_id}/evidence.json")
def download_evidence(
    public_id: str, staff: Viewer, session: SessionDep, vault: VaultDep, now: NowDep
) -> Response:
    """Return the proof of a payment as JSON; taking it is noted in the audit."""
    payment = get_payment(session, staff.organisation, public_id)
    pack = make_pack(session, vault, payment, now)
    _note(session, staff, payment, "json")
    return Response(
        json.dumps(pack, indent=2, ensure_ascii=False),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="payment-{payment.public_id}.json"'},
    )


def _note(session: Session, staff: Staff, payment: Payment, form: str) -> None:
    audit.record(
        session,
        staff.actor,
        "payments.evidence.taken",
        "payment",
        payment.public_id,
        {"form": form},
    )


def make_pack(
    session: Session, vault: DetailsVault, payment: Payment, now: datetime
) -> dict[str, Any]:
    """Return what proves a payment (contract 11); the account by its last four digits only."""
    run = get_run(session, payment.organisation, payment.run_id)
    details = vault.open(payment.details_sealed, payment.record)
    return {
        "made_at": _moment(now),
        "organisation": payment.organisation,
        "organisation_name": find_body_name(session, payment.organisation) or "",
        "payment": {
            "id": payment.public_id,
            "reference": payment.reference,
            "case": payment.case_reference,
            "payee": payment.payee_name,
            "account": mask_account_number(details.account_number),
            "amount_pence": payment.amount_pence,
            "currency": payment.currency,
            "state": payment.state,
            "word": WORDS.get(payment.state, ""),
            "received_at": _moment(payment.created_at),
            "state_since": _moment(payment.state_at),
            "modulus_check": payment.modulus_result,
            "reason_code": payment.reason_code,
            "reason": payment.reason,
        },
        "run": {
            "reference": run.reference,
            "programme": run.programme.name,
            "day": run.run_date.isoformat(),
            "state": run.state,
            "content_sha256": run.content_hash.hex() if run.content_hash else None,
            "approvals": [
                {"by": one.person_name, "at": _moment(one.approved_at)}
                for one in list_approvals(session, run.id, run.round)
            ],
        },
        "files": _files(session, payment),
        "bank_reports": _reports(session, payment),
        "ledger": _ledger(session, payment),
        "timeline": [
            {
                "at": line.at.date().isoformat() if line.is_day else _moment(line.at),
                "kind": line.kind,
                "what": line.what,
                "who": line.who,
                "notes": list(line.notes),
            }
            for line in make_timeline(session, payment)
        ],
    }


def _files(session: Session, payment: Payment) -> list[dict[str, Any]]:
    return [
        {
            "serial": one.serial,
            "processing_day": one.processing_day.isoformat(),
            "state": one.state,
            "sha256": one.sha256.hex() if one.sha256 else None,
            "bytes": one.size,
            "payments": one.payments,
            "total_pence": one.pence,
            "handed_over_at": _moment(one.sending_at),
            "decided_at": _moment(one.decided_at),
        }
        for one in list_files(session, payment.id)
    ]


def _reports(session: Session, payment: Payment) -> list[dict[str, Any]]:
    return [
        {
            "kind": one.kind,
            "reason_code": one.reason_code,
            "reason": one.reason,
            "day": one.occurred_on.isoformat(),
            "report": one.report,
            "report_sha256": one.report_sha256.hex() if one.report_sha256 else None,
        }
        for one in list_bank_words(session, payment.id)
    ]


def _ledger(session: Session, payment: Payment) -> list[dict[str, Any]]:
    return [
        {
            "entry": str(one.id),
            "event": one.event_type,
            "debit": one.debit,
            "credit": one.credit,
            "amount_pence": one.pence,
            "effective_on": one.effective_on.isoformat(),
            "recorded_at": _moment(one.recorded_at),
        }
        for one in list_ledger_lines(session, payment.organisation, payment.id)
    ]


def _moment(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
