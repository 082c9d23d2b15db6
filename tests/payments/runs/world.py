"""A body with programmes, its staff, and ways to make and look at payments."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from payments.bank.submissions.parts import seal_file, write_part
from payments.payees.bank_details import normalise, payee_fingerprint
from payments.payees.models import name_check
from payments.runs.actions.approve import put_forward
from payments.runs.actions.create import Created, Desk, PayeeOrder, PaymentOrder, create_payment
from payments.runs.actions.set_up import BodyPlan, ProgrammePlan, set_up_body
from payments.runs.models import payment, run
from payments.runs.rules import APPROVER, ENQUIRY, UPLOADER
from shared.actors import SYSTEM, Actor
from shared.ids import new_id

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
BODY = "strathclachan"
GATEWAY = Actor("service", "gateway-service", name="gateway-service")


def staff(name: str, *roles: str, organisation: str = BODY) -> Actor:
    return Actor("staff", f"person-{name}", organisation, frozenset(roles), name)


UNA = staff("Una", UPLOADER)
ALAN = staff("Alan", APPROVER)
AVA = staff("Ava", APPROVER)
BOTH = staff("Both", UPLOADER, APPROVER)
ENID = staff("Enid", ENQUIRY)
OTHER = staff("Other", UPLOADER, APPROVER, organisation="glenmore")


@dataclass
class World:
    """Makes payments and tells how the rows are."""

    desk: Desk
    orders: int = field(default=0)

    def order(self, session: Session, **changes: object) -> PaymentOrder:
        """Return a good order with a matching name check, changed as asked."""
        self.orders += 1
        values: dict[str, object] = {
            "organisation": BODY,
            "programme": "winter-heating",
            "payee": PayeeOrder("Morag Fictional", "personal", "99-00-01", "10000012"),
            "amount_pence": 30000,
            "currency": "GBP",
            "reference": f"SWH-TEST-{self.orders:04d}",
            "case_reference": f"SWH-{self.orders:04d}",
            "subject": "subject-1",
            "check_id": None,
        }
        values.update(changes)
        order = PaymentOrder(**values)  # type: ignore[arg-type]  # members by name
        if "check_id" in changes:
            return order
        check = self.check(session, order.payee, order.organisation)
        return PaymentOrder(**{**order.__dict__, "check_id": check})

    def check(
        self,
        session: Session,
        payee: PayeeOrder,
        organisation: str = BODY,
        outcome: str = "match",
        reason_code: str | None = None,
        answered_at: datetime | None = NOW,
    ) -> UUID:
        """Store a name check with this answer."""
        details = normalise(payee.sort_code, payee.account_number)
        check_id = new_id()
        vault = self.desk.vault
        session.execute(
            insert(name_check).values(
                id=check_id,
                organisation=organisation,
                account_type=payee.account_type,
                name_sealed=b"x",
                details_sealed=b"x",
                payee_fingerprint=payee_fingerprint(vault, payee.name, payee.account_type, details),
                modulus_result="not_checked",
                modulus_version="",
                policy_version="test",
                asked_by_kind="service",
                asked_by_id="gateway-service",
                asked_by_name="",
                asked_at=NOW,
                correlation_id="story",
                outcome=outcome if answered_at else None,
                reason_code=reason_code,
                answered_at=answered_at,
            )
        )
        return check_id

    def create(self, session: Session, key: str = "", **changes: object) -> Created:
        """Order a payment as the gateway does."""
        order = self.order(session, **changes)
        key = key or f"key-{self.orders}"
        return create_payment(session, self.desk, order, key, GATEWAY, NOW)

    def send(self, session: Session, order: PaymentOrder, key: str) -> Created:
        """Send an order as the gateway does."""
        return create_payment(session, self.desk, order, key, GATEWAY, NOW)

    def run_state(self, session: Session, run_id: str | UUID) -> str:
        """Return the state of a run."""
        found: str = session.execute(
            select(run.c.state).where(run.c.id == UUID(str(run_id)))
        ).scalar_one()
        return found

    def payment_states(self, session: Session, run_id: str | UUID) -> list[str]:
        """Return the states of a run's payments in order."""
        return list(
            session.execute(
                select(payment.c.state)
                .where(payment.c.run_id == UUID(str(run_id)))
                .order_by(payment.c.id)
            ).scalars()
        )

    def run_hash(self, session: Session, run_id: str | UUID) -> bytes:
        """Return the content hash as the page would carry it."""
        found = session.execute(
            select(run.c.content_hash).where(run.c.id == UUID(str(run_id)))
        ).scalar_one()
        return bytes(found or b"")

    def snapshot(self, session: Session) -> list[object]:
        """Return everything that a refusal must leave as it was."""
        tables = (
            "run",
            "payment",
            "run_approval",
            "run_event",
            "entry",
            "posting",
            "submission",
            "outbox",
            "audit_event",
        )
        return [
            session.execute(
                text(
                    f"SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t::text), '[]') FROM {name} t"
                )
            ).scalar_one()
            for name in tables
        ]


def seed(session: Session) -> None:
    """Set up two bodies with the same programmes."""
    for organisation, digit in ((BODY, "0"), ("glenmore", "5")):
        plan = BodyPlan(
            organisation,
            organisation.title(),
            "TEST COUNCIL",
            "990000",
            f"9000000{digit}",
            f"99000{digit}",
            [
                ProgrammePlan("winter-heating", "Winter heating grant", "on_approval"),
                ProgrammePlan("clothing-grant", "School clothing grant", "by_hand"),
                ProgrammePlan("big-grant", "Big grant", "by_hand", approvals_needed=2),
            ],
        )
        set_up_body(session, plan, SYSTEM, NOW)


def write_file(session: Session, world: World) -> None:
    """Do what the worker does with the file of the only submission: write and seal it."""
    submission, stage = session.execute(text("SELECT id, stage_id FROM submission")).one()
    shards = session.execute(
        text("SELECT number FROM stage_shard WHERE stage_id = :stage ORDER BY number"),
        {"stage": stage},
    ).scalars()
    for number in shards.all():
        assert write_part(session, world.desk.vault, stage, number, NOW)
    assert seal_file(session, world.desk.vault, submission, NOW)


def make_waiting_run(
    session: Session, world: World, programme_slug: str = "winter-heating"
) -> UUID:
    """Return a run with two payments that waits for approval."""
    first = world.create(session, programme=programme_slug)
    world.create(session, programme=programme_slug)
    run_id = UUID(first.run_id)
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    return run_id
