"""Who did what to a run that keeps them from another step of it."""

from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.controls.duties import Deed

# What was done to a payment follows it when it is carried over from another run.
_DOERS = text(
    """
    SELECT e.kind AS deed, e.actor_id AS person FROM run_event e
     WHERE e.run_id = :run AND e.kind IN ('put_forward', 'edited', 'removed', 'hold_released')
     UNION
    SELECT e.kind, e.actor_id
      FROM run r JOIN run_event e ON e.organisation = r.organisation
      JOIN payment p ON p.id = e.payment_id AND p.run_id = r.id
     WHERE r.id = :run AND e.payment_id IS NOT NULL
       AND e.kind IN ('edited', 'removed', 'hold_released')
     UNION
    SELECT 'uploaded', u.sent_by_id FROM upload u WHERE u.run_id = :run
     UNION
    SELECT 'scheduled', v.proposed_by_id
      FROM schedule_occurrence o JOIN schedule_version v ON v.id = o.version_id
     WHERE o.run_id = :run
     UNION
    SELECT 'overrode_name', o.person_id
      FROM run r JOIN hold_override o ON o.organisation = r.organisation
      JOIN payment p ON p.id = o.payment_id AND p.run_id = r.id WHERE r.id = :run
     UNION
    SELECT 'cleared_case', c.decided_by_id
      FROM run r JOIN screening_case c ON c.organisation = r.organisation
      JOIN payment p ON p.id = c.payment_id AND p.run_id = r.id
     WHERE r.id = :run AND c.decided_by_id IS NOT NULL
     UNION
    SELECT 'changed_payee', x.person
      FROM run r
      JOIN payee_change v ON v.organisation = r.organisation AND v.version IS NOT NULL
       AND v.decided_at > r.created_at - interval '30 days'
     CROSS JOIN LATERAL (VALUES (v.proposed_by_id), (v.decided_by_id), (v.hurried_by_id))
           AS x(person)
     WHERE r.id = :run AND x.person IS NOT NULL
       AND EXISTS (SELECT 1 FROM payment p WHERE p.payee_id = v.payee_id AND p.run_id = r.id)
     UNION
    SELECT 'approved', a.person_id FROM run r JOIN run_approval a ON a.run_id = r.id
       AND a.round = r.round WHERE r.id = :run
    """
)


def list_doers(session: Session, run_id: UUID) -> dict[Deed, set[str]]:
    """Return who did each deed to a run or to a payment that is in it now."""
    doers: dict[Deed, set[str]] = {}
    for deed, person in session.execute(_DOERS, {"run": run_id}):
        doers.setdefault(cast("Deed", deed), set()).add(person)
    return doers
