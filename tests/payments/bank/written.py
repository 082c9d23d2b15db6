"""Runs that are released, of any number of payments, written straight into their tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.submissions.rules import SignedContent, content_sha256
from payments.ledger import accounting
from payments.payees.bank_details import BankDetails, DetailsVault
from shared.ids import new_id

BODY = "strathclachan"
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
GOOD = ("201918", "12345678")
PROCESSING = date(2026, 11, 24)
_PAYMENT = text(
    """
    INSERT INTO payment (id, public_id, organisation, run_id, state, payee_name, account_type,
      details_sealed, account_fingerprint, account_tail, amount_pence, currency, reference,
      modulus_result, client_id, idempotency_key, correlation_id, created_at, state_at,
      content_sha256)
    VALUES (:id, :public_id, :body, :run, 'released', :name, 'personal', :sealed, :fingerprint,
      :tail, :pence, 'GBP', :reference, 'valid', 'test', :public_id, 'story', :now, :now, :sha256)
    """
)
_EVENT = text(
    """
    INSERT INTO run_event (id, organisation, run_id, at, kind, actor_kind, actor_id, actor_name,
                           details, correlation_id)
    VALUES (:id, :body, :run, :now, 'put_forward', 'staff', 'x', 'X', cast(:details AS jsonb), 's')
    """
)


@dataclass(frozen=True)
class Payee:
    """One payment to be made; the amount in pence."""

    where: tuple[str, str] = GOOD
    pence: int = 100
    roll_number: str = ""
    name: str = "Morag Fictional"


def write_run(
    session: Session,
    vault: DetailsVault,
    account: UUID,
    payees: Sequence[Payee],
    *,
    rail: str = "bacs",
    rail_reason: str = "",
    declared: tuple[int, int] | None = None,
) -> tuple[UUID, list[UUID]]:
    """Return a released run and its payments, the cost booked; ``declared`` was put forward."""
    run_id = new_id()
    total = sum(one.pence for one in payees)
    count, pence = declared or (len(payees), total)
    session.execute(
        text("INSERT INTO body VALUES (:body, 'Strathclachan') ON CONFLICT DO NOTHING"),
        {"body": BODY},
    )
    programme = session.execute(
        text(
            "INSERT INTO programme (id, organisation, slug, name, bank_account_id, release)"
            " VALUES (:id, :body, 'grant', 'Grant', :account, 'by_hand')"
            " ON CONFLICT (organisation, slug) DO UPDATE SET name = 'Grant' RETURNING id"
        ),
        {"id": new_id(), "body": BODY, "account": account},
    ).scalar_one()
    session.execute(
        text(
            "INSERT INTO run (id, organisation, programme_id, reference, run_date, state,"
            " round, content_hash, processing_date, created_at, state_at, rail, rail_reason)"
            " VALUES (:id, :body, :programme, :reference, :day, 'released', 1, '\\x00',"
            " :processing, :now, :now, :rail, :reason)"
        ),
        {
            "id": run_id,
            "body": BODY,
            "programme": programme,
            "reference": f"R-{run_id.hex[-8:]}",
            "day": DAY,
            "processing": PROCESSING,
            "now": NOW,
            "rail": rail,
            "reason": rail_reason,
        },
    )
    details = f'{{"payments": {count}, "total_pence": {pence}, "round": 1}}'
    session.execute(
        _EVENT, {"id": new_id(), "body": BODY, "run": run_id, "now": NOW, "details": details}
    )
    rows = [_row(vault, run_id, number, one) for number, one in enumerate(payees)]
    session.execute(_PAYMENT, rows)
    ids = [UUID(str(row["id"])) for row in rows]
    items = [(one, who.pence) for one, who in zip(ids, payees, strict=True)]
    plan = accounting.ApprovedRun(run_id, 1, "main", DAY, items)
    accounting.post_run_approved(session, BODY, plan, DAY)
    return run_id, ids


def _row(vault: DetailsVault, run_id: UUID, number: int, payee: Payee) -> dict[str, object]:
    payment_id = new_id()
    reference = f"REF-{number:04d}"
    details = BankDetails(*payee.where, *payee.where, "as typed", payee.roll_number)
    signed = SignedContent(
        payee.name, "personal", *payee.where, payee.roll_number, payee.pence, "GBP", reference, ""
    )
    return {
        "id": payment_id,
        "public_id": payment_id.hex[:26],
        "body": BODY,
        "run": run_id,
        "name": payee.name,
        "sealed": vault.seal(details, f"payment:{payment_id}"),
        "fingerprint": b"x",
        "tail": payee.where[1][-4:],
        "pence": payee.pence,
        "reference": reference,
        "now": NOW,
        "sha256": content_sha256(signed),
    }
