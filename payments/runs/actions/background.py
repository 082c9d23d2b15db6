"""What is done with each part of a big run, and when all of them are done, by the kind of work."""

from datetime import datetime

from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.runs.actions.approve import approve_part, finish_approve
from payments.runs.actions.moves import Moved
from payments.runs.actions.parts import Part, finish_part
from payments.runs.actions.put_forward import finish_put_forward, sign_part
from payments.runs.actions.recall import finish_recall, recall_part
from payments.runs.actions.release import finish_release, release_part
from payments.runs.actions.send_back import finish_send_back, reject_part, send_part_back
from payments.runs.queries.runs import get_run
from payments.stages.queries import Stage


def do_part(session: Session, vault: DetailsVault, part: Part, now: datetime) -> None:
    """Do the work of a part in the transaction that took it, and count it as done."""
    moved = _do(session, vault, part, now)
    finish_part(session, part, moved.count, moved.pence)


def finish_work(session: Session, stage: Stage, now: datetime) -> None:
    """Do what follows the last part; done already changes nothing."""
    organisation, run_id = stage.organisation, stage.subject_id
    if stage.name == "put_forward":
        finish_put_forward(session, organisation, run_id, now)
    elif stage.name == "approve":
        finish_approve(session, organisation, run_id, now)
    elif stage.name == "release":
        finish_release(session, organisation, run_id, now)
    elif stage.name == "recall":
        finish_recall(session, organisation, run_id, now)
    else:
        finish_send_back(session, organisation, run_id)


def _do(session: Session, vault: DetailsVault, part: Part, now: datetime) -> Moved:
    run_id, first, last = part.run_id, part.first, part.last
    if part.work == "put_forward":
        return sign_part(session, vault, run_id, now, first=first, last=last)
    if part.work == "release":
        return release_part(session, run_id, now, first=first, last=last)
    if part.work == "reject":
        return reject_part(session, run_id, now, first=first, last=last)
    run = get_run(session, part.organisation, run_id)
    if part.work == "approve":
        return approve_part(session, run, now, first=first, last=last)
    if part.work == "recall":
        return recall_part(session, run, now, first=first, last=last)
    return send_part_back(session, run, now, first=first, last=last)
