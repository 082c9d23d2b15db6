"""Reads of runs, programmes and what was done to them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from payments.bank.models import bank_account
from payments.runs.models import body, payment, programme, run, run_approval, run_total
from payments.runs.queries.totals import GONE
from payments.runs.rules import RunState
from shared.errors import NotFound


@dataclass(frozen=True)
class OriginatingAccount:
    """The body's own bank account that a run is paid from."""

    id: UUID
    code: str
    sort_code: str
    account_number: str
    name: str
    service_user_number: str


@dataclass(frozen=True)
class Programme:
    """What payments are made for, and the rules of its approval and release."""

    id: UUID
    organisation: str
    slug: str
    name: str
    approvals_needed: int
    release: str
    kind: str = "people"
    rail: str = "bacs"
    gl_code: str = ""
    rail_reason: str = ""

    @property
    def rails(self) -> dict[str, str]:
        """Return how a new run of the programme travels, and why so, as columns of the run."""
        return {"rail": self.rail, "rail_reason": self.rail_reason}


@dataclass(frozen=True)
class Run:
    """One run with its programme and originating account."""

    id: UUID
    organisation: str
    reference: str
    run_date: date
    state: RunState
    round: int
    content_hash: bytes | None
    processing_date: date | None
    created_at: datetime
    state_at: datetime
    programme: Programme
    account: OriginatingAccount
    rail: str = "bacs"
    rail_reason: str = ""
    source: str = "api"
    upload_id: UUID | None = None
    entry_on: date | None = None
    working: str | None = None
    signed_count: int | None = None
    signed_pence: int | None = None


@dataclass(frozen=True)
class RunSummary:
    """A line of the list of runs."""

    id: UUID
    reference: str
    programme: str
    run_date: date
    state: RunState
    count: int
    total_pence: int
    held: int
    returned: int


@dataclass(frozen=True)
class Approval:
    """Who signed a run's content in the current round."""

    person_id: str
    person_name: str
    approved_at: datetime


_PROGRAMME = (
    programme.c.id.label("programme_id"),
    programme.c.slug.label("programme_slug"),
    programme.c.name.label("programme_name"),
    programme.c.approvals_needed,
    programme.c.release,
    programme.c.kind.label("programme_kind"),
    programme.c.rail.label("programme_rail"),
    programme.c.gl_code.label("programme_gl_code"),
    programme.c.rail_reason.label("programme_rail_reason"),
)
_ACCOUNT = (
    bank_account.c.id.label("account_id"),
    bank_account.c.code.label("account_code"),
    bank_account.c.sort_code,
    bank_account.c.account_number,
    bank_account.c.name.label("account_name"),
    bank_account.c.service_user_number,
)


def find_body_name(session: Session, organisation: str) -> str | None:
    """Return the name of a body that pays through here, None for any other."""
    return session.execute(
        select(body.c.name).where(body.c.organisation == organisation)
    ).scalar_one_or_none()


def list_bodies(session: Session, organisations: list[str]) -> list[tuple[str, str]]:
    """Return slug and name of those of these organisations that pay through here."""
    rows = session.execute(
        select(body.c.organisation, body.c.name)
        .where(body.c.organisation.in_(organisations))
        .order_by(body.c.name)
    )
    return [(row.organisation, row.name) for row in rows]


def find_programme(session: Session, organisation: str, slug: str) -> Programme | None:
    """Return a programme of this body, None when it has no such programme."""
    row = session.execute(
        select(programme.c.organisation, *_PROGRAMME).where(
            programme.c.organisation == organisation, programme.c.slug == slug
        )
    ).one_or_none()
    return None if row is None else _as_programme(row)


def get_programme(session: Session, programme_id: UUID) -> Programme:
    """Return a programme that a stored row refers to."""
    row = session.execute(
        select(programme.c.organisation, *_PROGRAMME).where(programme.c.id == programme_id)
    ).one()
    return _as_programme(row)


def list_programmes(session: Session, organisation: str) -> list[Programme]:
    """Return the body's programmes by name."""
    rows = session.execute(
        select(programme.c.organisation, *_PROGRAMME)
        .where(programme.c.organisation == organisation)
        .order_by(programme.c.name)
    )
    return [_as_programme(row) for row in rows]


def get_run(session: Session, organisation: str, run_id: UUID) -> Run:
    """Return a run; refuses one of another body as if it did not exist."""
    return _one(session, _select_run(organisation, run_id))


def get_run_for_client(session: Session, client_id: str, run_id: UUID) -> Run:
    """Return a run that a client has a payment in; refuses every other as if it did not exist."""
    row = session.execute(
        select(payment.c.organisation)
        .where(payment.c.run_id == run_id, payment.c.client_id == client_id)
        .limit(1)
    ).scalar_one_or_none()
    if row is None:
        raise NotFound("run_not_found", "There is no such run")
    return get_run(session, row, run_id)


def lock_run(session: Session, organisation: str, run_id: UUID) -> Run:
    """Return a run and keep every other change of it waiting until this transaction ends."""
    return _one(session, _select_run(organisation, run_id).with_for_update(of=run))


def list_approvals(session: Session, run_id: UUID, round_: int) -> list[Approval]:
    """Return the signatures of a round; those of earlier rounds are void."""
    rows = session.execute(
        select(run_approval.c.person_id, run_approval.c.person_name, run_approval.c.approved_at)
        .where(run_approval.c.run_id == run_id, run_approval.c.round == round_)
        .order_by(run_approval.c.id)
    )
    return [Approval(*row) for row in rows]


def list_runs(
    session: Session,
    organisation: str,
    *,
    state: str = "",
    programme_slug: str = "",
    offset: int = 0,
    limit: int = 20,
) -> tuple[list[RunSummary], int]:
    """Return a page of the body's runs, newest first, and how many there are in all."""
    conditions = [run.c.organisation == organisation]
    if state:
        conditions.append(run.c.state == state)
    if programme_slug:
        conditions.append(programme.c.slug == programme_slug)
    joined = run.join(programme, programme.c.id == run.c.programme_id)
    count = session.execute(
        select(func.count()).select_from(joined).where(*conditions)
    ).scalar_one()
    total = run_total.c
    rows = session.execute(
        select(
            run.c.id,
            run.c.reference,
            programme.c.name.label("programme"),
            run.c.run_date,
            run.c.state,
            _sum(total.payments, total.state.not_in(GONE)).label("payments"),
            _sum(total.pence, total.state.not_in(GONE)).label("total"),
            _sum(total.payments, total.state == "held").label("held"),
            _sum(total.payments, total.state.in_(("returned", "scheme_rejected"))).label(
                "returned"
            ),
        )
        .select_from(joined.outerjoin(run_total, total.run_id == run.c.id))
        .where(*conditions)
        .group_by(run.c.id, programme.c.name)
        .order_by(run.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [
        RunSummary(
            row.id,
            row.reference,
            row.programme,
            row.run_date,
            cast("RunState", row.state),
            int(row.payments),
            int(row.total),
            int(row.held),
            int(row.returned),
        )
        for row in rows
    ], count


def _sum(column: ColumnElement[int], condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(column).filter(condition), 0)


def _select_run(organisation: str, run_id: UUID) -> Select[*tuple[Any, ...]]:
    joined = run.join(programme, programme.c.id == run.c.programme_id).join(
        bank_account, bank_account.c.id == programme.c.bank_account_id
    )
    return (
        select(
            run.c.id,
            run.c.organisation,
            run.c.reference,
            run.c.run_date,
            run.c.state,
            run.c.round,
            run.c.content_hash,
            run.c.processing_date,
            run.c.created_at,
            run.c.state_at,
            run.c.rail,
            run.c.rail_reason,
            run.c.source,
            run.c.upload_id,
            run.c.entry_on,
            run.c.working,
            run.c.signed_count,
            run.c.signed_pence,
            *_PROGRAMME,
            *_ACCOUNT,
        )
        .select_from(joined)
        .where(run.c.organisation == organisation, run.c.id == run_id)
    )


def _one(session: Session, query: Select[*tuple[Any, ...]]) -> Run:
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("run_not_found", "There is no such run")
    return Run(
        id=row.id,
        organisation=row.organisation,
        reference=row.reference,
        run_date=row.run_date,
        state=cast("RunState", row.state),
        round=row.round,
        content_hash=None if row.content_hash is None else bytes(row.content_hash),
        processing_date=row.processing_date,
        created_at=row.created_at,
        state_at=row.state_at,
        programme=_as_programme(row),
        account=OriginatingAccount(
            row.account_id,
            row.account_code,
            row.sort_code,
            row.account_number,
            row.account_name,
            row.service_user_number,
        ),
        rail=row.rail,
        rail_reason=row.rail_reason,
        source=row.source,
        upload_id=row.upload_id,
        entry_on=row.entry_on,
        working=row.working,
        signed_count=row.signed_count,
        signed_pence=row.signed_pence,
    )


def _as_programme(row: Row[*tuple[Any, ...]]) -> Programme:
    return Programme(
        row.programme_id,
        row.organisation,
        row.programme_slug,
        row.programme_name,
        row.approvals_needed,
        row.release,
        row.programme_kind,
        row.programme_rail,
        row.programme_gl_code,
        row.programme_rail_reason,
    )
