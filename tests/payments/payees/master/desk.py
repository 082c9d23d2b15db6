"""A body's payee master: its people, a bank that answers as told, and ways to look."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.payees.actions import Checker
from payments.payees.bank_details import DetailsVault, normalise
from payments.payees.master.actions.check import check_change
from payments.payees.master.actions.decide import confirm
from payments.payees.master.actions.propose import Proposal, propose
from payments.payees.master.queries import get_change
from payments.payees.master.rules import PAYEE_APPROVER, PAYEE_EDITOR, PayeeFacts
from payments.payees.modulus.tables import TableFiles
from payments.payees.provider import NameAnswer, NameQuestion
from shared.actors import Actor
from shared.db import Database

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
BODY = "strathclachan"


def staff(name: str, *roles: str, organisation: str = BODY) -> Actor:
    return Actor("staff", f"person-{name}", organisation, frozenset(roles), name)


EDIE = staff("Edie", PAYEE_EDITOR)
ABE = staff("Abe", PAYEE_APPROVER)
ANN = staff("Ann", PAYEE_APPROVER)
BOTH = staff("Both", PAYEE_EDITOR, PAYEE_APPROVER)
OTHER = staff("Other", PAYEE_EDITOR, PAYEE_APPROVER, organisation="glenmore")
MORAG = PayeeFacts("Morag Fictional", "personal", normalise("990001", "10000012"))
TABLES = ("payee", "payee_change", "payee_stop", "payee_import", "audit_event", "outbox")


class Bank:
    """Answers every question with the next of its answers, the last one again and again."""

    def __init__(self, *answers: NameAnswer) -> None:
        self.answers = list(answers) or [NameAnswer(matched=True)]
        self.questions: list[NameQuestion] = []

    def verify(self, question: NameQuestion) -> NameAnswer:
        self.questions.append(question)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class Desk:
    """The master as its people use it, each step a transaction of its own."""

    database: Database
    vault: DetailsVault
    bank: Bank = field(default_factory=Bank)
    now: datetime = NOW

    @property
    def checker(self) -> Checker:
        return Checker(
            self.database, self.bank, TableFiles(None, None), self.vault, lambda: self.now
        )

    def propose(
        self,
        facts: PayeeFacts = MORAG,
        actor: Actor = EDIE,
        payee_id: UUID | None = None,
        reason: str = "Letter of the payee",
    ) -> UUID:
        """Propose and check; returns the change."""
        wanted = Proposal(BODY, facts, "page", reason, payee_id)
        with self.database.transaction() as session:
            change_id = propose(session, self.vault, wanted, actor, self.now)
        check_change(self.checker, BODY, change_id)
        return change_id

    def confirm(self, change_id: UUID, actor: Actor = ABE, reason: str = "") -> UUID:
        """Confirm a change; returns its payee."""
        with self.database.transaction() as session:
            confirm(session, self.vault, change_id, reason, actor, self.now, cooling=DAY)
            return get_change(session, BODY, change_id).payee_id

    def make(self, facts: PayeeFacts = MORAG, reason: str = "") -> UUID:
        """Return a payee in force."""
        return self.confirm(self.propose(facts), reason=reason)

    def look(self) -> list[object]:
        """Return everything that a refusal must leave as it was."""
        with self.database.transaction() as session:
            return snapshot(session)


def snapshot(session: Session) -> list[object]:
    return [
        session.execute(
            text(f"SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t::text), '[]') FROM {name} t")
        ).scalar_one()
        for name in TABLES
    ]
