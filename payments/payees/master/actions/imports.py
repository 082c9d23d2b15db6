"""Payees by the file: its rows become proposals of one batch, decided together."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.payees.master.actions.decide import need_role
from payments.payees.master.actions.propose import Proposal, change_values, payee_values
from payments.payees.master.import_rules import RowFault, read_payees
from payments.payees.master.models import payee, payee_change, payee_import
from payments.payees.master.queries import CHANGE_COLUMNS, OPEN_STATES, Change, open_facts
from payments.payees.master.rules import (
    PAYEE_APPROVER,
    PAYEE_EDITOR,
    PayeeFacts,
    list_differences,
    need_words,
)
from payments.payees.modulus.tables import TableFiles
from payments.payees.rules import LIFETIME, OUTCOMES
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id
from shared.outbox import enqueue

_KEPT_FAULTS = 2_000
_FINE_CODES = [code for code, line in OUTCOMES.items() if line.policy in ("pass", "warn")]
_MARK = text(
    """
    WITH good AS (
      SELECT c.id, p.version + 1 AS version,
             CASE WHEN p.state = 'active' AND c.is_sensitive AND :hours > 0
                  THEN cast(:now AS timestamptz) + make_interval(hours => :hours) END AS cooling,
             p.state = 'active' AND c.is_sensitive AS is_changed
        FROM payee_change c
        JOIN payee p ON p.id = c.payee_id
        LEFT JOIN name_check n ON n.id = c.check_id
       WHERE c.import_id = :import AND c.state = 'proposed'
         AND (NOT c.is_sensitive
              OR n.answered_at > :oldest
                 AND (n.outcome = 'match' OR n.reason_code = ANY(:fine)))
         AND NOT EXISTS (SELECT FROM payee o
                          WHERE o.organisation = c.organisation AND o.state <> 'refused'
                            AND o.account_fingerprint = c.account_fingerprint
                            AND o.id <> c.payee_id)
         FOR UPDATE OF p, c
    ), marked AS (
      UPDATE payee_change c
         SET state = 'confirmed', version = good.version, decided_by_id = :person,
             decided_by_name = :name, decided_at = :now, decision_reason = '',
             cooling_until = good.cooling
        FROM good WHERE c.id = good.id
      RETURNING c.*, good.is_changed
    )
    UPDATE payee p
       SET state = 'active', version = m.version, reference = m.reference, name = m.name,
           name_key = m.name_key, beneficiary = m.beneficiary, account_type = m.account_type,
           account_fingerprint = m.account_fingerprint, account_tail = m.account_tail,
           gl_code = m.gl_code, changed_at = :now,
           details_changed_at = CASE WHEN m.is_changed THEN :now ELSE p.details_changed_at END,
           cooling_until = CASE WHEN m.is_changed THEN m.cooling_until ELSE p.cooling_until END
      FROM marked m WHERE p.id = m.payee_id
    """
)
_REJECT = text(
    """
    WITH ended AS (
      UPDATE payee_change
         SET state = 'rejected', decided_by_id = :person, decided_by_name = :name,
             decided_at = :now, decision_reason = :reason
       WHERE import_id = :import AND state IN ('checking', 'proposed')
      RETURNING payee_id
    )
    UPDATE payee SET state = 'refused', changed_at = :now
     WHERE id IN (SELECT payee_id FROM ended) AND state = 'proposed'
    """
)
_DECIDE = text(
    """
    UPDATE payee_import SET state = :state, decided_by_id = :person, decided_by_name = :name,
           decided_at = :now, decision_reason = :reason
     WHERE id = :import
    """
)


def import_payees(
    session: Session,
    vault: DetailsVault,
    tables: TableFiles,
    file_name: str,
    content: bytes,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Propose what a file says: new payees, and changes of those whose reference it names.

    Rows with faults, and rows of payees that have a change waiting, are kept as faults; rows that
    change nothing are counted. Names are checked after the commit.

    Raises:
        Forbidden: no payee editor.
        Invalid: names ``file``: not such a table, or none of its rows can be taken.
        Conflict: this body took the same file before; ``detail`` holds its import's id.
    """
    need_role(actor, PAYEE_EDITOR)
    organisation = actor.organisation or ""
    digest = hashlib.sha256(content).digest()
    _refuse_known(session, organisation, digest)
    good: list[tuple[int, int, PayeeFacts]] = []
    faults: list[RowFault] = []
    for number, line, read in read_payees(content, tables):
        if isinstance(read, list):
            faults.extend(read)
        else:
            good.append((number, line, read))
    import_id = new_id()
    planner = _Planner(session, vault, organisation, import_id, actor, now)
    planner.plan(good, faults)
    if not planner.changes and not planner.unchanged:
        first = f"Row {faults[0].row}: {faults[0].message}" if faults else "The file has no rows"
        raise Invalid(FieldError("file", f"No row of the file can be taken. {first}"))
    refused = {fault.row for fault in faults}
    session.execute(
        insert(payee_import).values(
            id=import_id,
            organisation=organisation,
            file_name=file_name[-200:],
            sha256=digest,
            rows=len(good) + len(refused - {number for number, _, _ in good}),
            proposed=len(planner.changes),
            unchanged=planner.unchanged,
            faults=[fault.__dict__ for fault in faults[:_KEPT_FAULTS]],
            state="proposed",
            created_by_id=actor.id,
            created_by_name=actor.name,
            created_at=now,
        )
    )
    planner.write()
    details = {"organisation": organisation, "proposed": len(planner.changes)}
    audit.record(
        session, actor, "payments.payee.import_proposed", "payee_import", import_id, details
    )
    payload: dict[str, str | int] = {
        "organisation": organisation,
        "import_id": str(import_id),
        "slice": 0,
    }
    enqueue(session, "payments.payees.check_import", payload, key=f"{import_id}/0")
    return import_id


def _refuse_known(session: Session, organisation: str, digest: bytes) -> None:
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 44))"),
        {"name": f"{organisation}\n{digest.hex()}"},
    )
    known: UUID | None = session.execute(
        select(payee_import.c.id).where(
            payee_import.c.organisation == organisation,
            payee_import.c.sha256 == digest,
            payee_import.c.state != "rejected",
        )
    ).scalar_one_or_none()
    if known is not None:
        raise Conflict("file_known", "This file was imported before", detail=str(known))


class _Planner:
    """Sorts rows into new payees, changes and rows that change nothing; then writes them."""

    def __init__(
        self,
        session: Session,
        vault: DetailsVault,
        organisation: str,
        import_id: UUID,
        actor: Actor,
        now: datetime,
    ) -> None:
        self._session, self._vault, self._organisation = session, vault, organisation
        self._import_id, self._actor, self._now = import_id, actor, now
        self.payees: list[dict[str, object]] = []
        self.changes: list[dict[str, object]] = []
        self.unchanged = 0

    def plan(self, rows: Sequence[tuple[int, int, PayeeFacts]], faults: list[RowFault]) -> None:
        """Sort the rows; adds to the faults what cannot be proposed now."""
        known, current, waiting = self._look_up([facts.reference for _, _, facts in rows])
        for number, line, facts in rows:
            found = known.get(facts.reference)
            if found is None:
                self._add(facts)
            elif found["id"] in waiting or found["id"] not in current:
                message = "Another change of this payee waits for a decision"
                faults.append(RowFault(number, line, "reference", message))
            else:
                old = open_facts(self._vault, current[found["id"]])
                if list_differences(old, facts):
                    self._change(facts, found, old)
                else:
                    self.unchanged += 1

    def _look_up(
        self, references: Sequence[str]
    ) -> tuple[dict[str, dict[str, object]], dict[object, Change], set[object]]:
        rows = self._session.execute(
            select(payee.c.id, payee.c.reference, payee.c.version)
            .where(
                payee.c.organisation == self._organisation,
                payee.c.state != "refused",
                payee.c.reference.in_([one for one in set(references) if one]),
            )
            .with_for_update()
        )
        known: dict[str, dict[str, object]] = {
            row["reference"]: dict(row) for row in rows.mappings()
        }
        ids = [found["id"] for found in known.values()]
        changes = [
            Change(*row)
            for row in self._session.execute(
                select(*CHANGE_COLUMNS)
                .join(payee, payee.c.id == payee_change.c.payee_id)
                .where(
                    payee_change.c.payee_id.in_(ids),
                    (payee_change.c.version == payee.c.version)
                    | payee_change.c.state.in_(OPEN_STATES),
                )
            )
        ]
        waiting: set[object] = {one.payee_id for one in changes if one.state in OPEN_STATES}
        current: dict[object, Change] = {one.payee_id: one for one in changes if one.version}
        return known, current, waiting

    def _add(self, facts: PayeeFacts) -> None:
        made = payee_values(self._vault, self._organisation, facts, self._now)
        self.payees.append(made)
        self._change(facts, made, None)

    def _change(self, facts: PayeeFacts, to: dict[str, object], old: PayeeFacts | None) -> None:
        wanted = Proposal(self._organisation, facts, "import", "From a file of payees")
        self.changes.append(
            change_values(self._vault, wanted, to, old, self._actor, self._now, self._import_id)
        )

    def write(self) -> None:
        """Write what was planned, in two statements however many rows there are."""
        if self.payees:
            self._session.execute(insert(payee), self.payees)
        if self.changes:
            self._session.execute(insert(payee_change), self.changes)


def confirm_import(
    session: Session, import_id: UUID, actor: Actor, now: datetime, *, cooling: timedelta
) -> int:
    """Confirm every proposal of a file that no check speaks against; returns how many.

    The others stay open and are decided one by one, each with its reason.

    Raises:
        Forbidden: no payee approver, or the person who imported the file.
        Conflict: names are still being checked, or decided already.
        NotFound: the body has no such import.
    """
    organisation = _lock_import(session, import_id, actor)
    checking = session.execute(
        select(payee_change.c.id)
        .where(payee_change.c.import_id == import_id, payee_change.c.state == "checking")
        .limit(1)
    ).one_or_none()
    if checking is not None:
        raise Conflict("import_checking", "The names are still being checked; try again later")
    values = {
        "import": import_id,
        "person": actor.id,
        "name": actor.name,
        "now": now,
        "oldest": now - LIFETIME,
        "fine": _FINE_CODES,
        "hours": int(cooling.total_seconds() // 3600),
    }
    confirmed: int = session.execute(_MARK, values).rowcount  # type: ignore[attr-defined]  # an UPDATE has a row count
    session.execute(_DECIDE, {**values, "state": "confirmed", "reason": ""})
    details = {"organisation": organisation, "confirmed": confirmed}
    audit.record(
        session, actor, "payments.payee.import_confirmed", "payee_import", import_id, details
    )
    return confirmed


def reject_import(
    session: Session, import_id: UUID, reason: str, actor: Actor, now: datetime
) -> None:
    """Reject every open proposal of a file, with a reason; refuses as ``confirm_import`` does."""
    organisation = _lock_import(session, import_id, actor)
    words = need_words("reason", reason, "Enter why the file is rejected")
    values = {
        "import": import_id,
        "person": actor.id,
        "name": actor.name,
        "now": now,
        "reason": words,
    }
    session.execute(_REJECT, values)
    session.execute(_DECIDE, {**values, "state": "rejected"})
    details = {"organisation": organisation, "reason": words}
    audit.record(
        session, actor, "payments.payee.import_rejected", "payee_import", import_id, details
    )


def _lock_import(session: Session, import_id: UUID, actor: Actor) -> str:
    need_role(actor, PAYEE_APPROVER)
    organisation = actor.organisation or ""
    row = session.execute(
        select(payee_import.c.state, payee_import.c.created_by_id)
        .where(payee_import.c.organisation == organisation, payee_import.c.id == import_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("no_such_import", "There is no such file of payees")
    if row.state != "proposed":
        raise Conflict("import_decided", f"This file was {row.state} already")
    if row.created_by_id == actor.id:
        raise Forbidden("same_person", "Somebody else has to decide about your file")
    return organisation
