"""One address per page of an application, whatever kind of page it is."""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from gateway.journeys.definition.service import Page
from gateway.journeys.pages import identity_pages, payee_pages, question_pages, review_pages
from gateway.journeys.pages.deps import (
    Elsewhere,
    Visit,
    back_url,
    go,
    look_at,
    next_url,
    open_visit,
    who,
)
from gateway.journeys.queries import Instance
from shared.errors import NotFound
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SealerDep, SessionDep, public
from shared.web.login import MaybeSignedIn
from shared.web.relying_party import WebSession
from shared.web.runtime import Runtime

router = APIRouter(dependencies=[Depends(public)])


@router.get("/journeys/{service_id}/{page_key}")
def show_page(
    service_id: str,
    page_key: str,
    request: Request,
    session: SessionDep,
    sealer: SealerDep,
    found: MaybeSignedIn,
    now: NowDep,
) -> Response:
    """Show a page of an application; a page that is not for now leads to the one that is."""
    if found is not None:
        identity_pages.claim_draft(request, session, sealer, service_id, page_key, found, now)
    visit = open_visit(request, session, sealer, service_id, _subject(found), now)
    page = visit.page(page_key)
    if page.kind == "result":
        return question_pages.show_result(request, visit, page)
    if page.kind == "sign_in":
        return identity_pages.show_sign_in(request, visit, page)
    if page.kind == "verify":
        return identity_pages.show_verify(request, visit, page)
    if page.kind == "review":
        return review_pages.show_review(request, visit, page)
    if _asks_for_account(visit, page):
        return payee_pages.show_bank_details(request, _place(request, visit, page))
    return question_pages.show_question(request, visit, page)


@router.post("/journeys/{service_id}/{page_key}")
def send_page(
    service_id: str,
    page_key: str,
    request: Request,
    runtime: RuntimeDep,
    form: FormDep,
    now: NowDep,
) -> Response:
    """Take in what a page's form holds and go on."""
    with runtime.database.transaction() as session:
        found = who(request, session, runtime, now)
        sent = review_pages.sent_before(session, form, _subject(found))
        if sent is not None:
            return sent
        try:
            visit = open_visit(request, session, runtime.sealer, service_id, _subject(found), now)
            page = visit.page(page_key)
        except Elsewhere:
            # Sent by the other click of a double one, between the look above and this one.
            sent = review_pages.sent_before(session, form, _subject(found))
            if sent is None:
                raise
            return sent
        if not _asks_for_account(visit, page):
            return _send(request, session, runtime, visit, page, form, now)
    place = _place(request, visit, page)
    return payee_pages.send_bank_details(
        request, runtime, place, form, now, lambda held: _go_on(request, runtime, held, page, now)
    )


def _send(
    request: Request,
    session: Session,
    runtime: Runtime,
    visit: Visit,
    page: Page,
    form: Form,
    now: datetime,
) -> Response:
    sealer = runtime.sealer
    if page.kind == "question":
        return question_pages.send_question(request, session, sealer, visit, page, form, now)
    if page.kind == "result":
        return question_pages.send_result(request, session, sealer, visit, page, form, now)
    if page.kind == "verify":
        return identity_pages.send_verify(request, session, visit, page, now)
    if page.kind == "review":
        return review_pages.send_review(request, session, sealer, visit, page, form, now)
    raise Elsewhere(visit.url(page))


@router.get("/journeys/{service_id}/{page_key}/return")
def come_back(
    service_id: str, page_key: str, request: Request, runtime: RuntimeDep, now: NowDep
) -> Response:
    """Go on after the person proved who they are."""
    with runtime.database.transaction() as session:
        found = who(request, session, runtime, now)
        visit = open_visit(request, session, runtime.sealer, service_id, _subject(found), now)
        page = visit.page(page_key)
    if found is None or page.kind != "verify":
        raise Elsewhere(visit.url(page))
    return identity_pages.return_from_verify(request, runtime, visit, page, found, now)


@router.get("/journeys/{service_id}/{page_key}/account-check")
def show_account_check(
    service_id: str,
    page_key: str,
    request: Request,
    session: SessionDep,
    sealer: SealerDep,
    found: MaybeSignedIn,
    now: NowDep,
) -> Response:
    """Show what the check of the account found."""
    visit = open_visit(request, session, sealer, service_id, _subject(found), now)
    return payee_pages.show_check(request, _account_place(request, visit, page_key))


@router.post("/journeys/{service_id}/{page_key}/account-check")
def send_account_check(
    service_id: str,
    page_key: str,
    request: Request,
    runtime: RuntimeDep,
    form: FormDep,
    now: NowDep,
) -> Response:
    """Do what the person chose about what the check found."""
    with runtime.database.transaction() as session:
        found = who(request, session, runtime, now)
        visit = open_visit(request, session, runtime.sealer, service_id, _subject(found), now)
    place, page = _account_place(request, visit, page_key), visit.page(page_key)
    return payee_pages.send_check(
        request, runtime, place, form, now, lambda held: _go_on(request, runtime, held, page, now)
    )


def _go_on(
    request: Request, runtime: Runtime, held: Instance, page: Page, now: datetime
) -> Response:
    with runtime.database.transaction() as session:
        after = look_at(request, session, runtime.sealer, held, now)
    return go(next_url(after, page, is_change="change" in request.query_params))


def _account_place(request: Request, visit: Visit, page_key: str) -> payee_pages.Place:
    page = visit.page(page_key)
    if not _asks_for_account(visit, page):
        raise NotFound("page_unknown", "Page not found")
    return _place(request, visit, page)


def _place(request: Request, visit: Visit, page: Page) -> payee_pages.Place:
    change = "?change=1" if "change" in request.query_params else ""
    return payee_pages.Place(
        instance=visit.instance,
        service=visit.service,
        dossier=visit.dossier,
        attribute=page.attribute,
        url=visit.url(page) + change,
        back_href=back_url(visit, page),
    )


def _asks_for_account(visit: Visit, page: Page) -> bool:
    return page.kind == "question" and (
        visit.service.attribute(page.attribute).type == "bank_details"
    )


def _subject(found: WebSession | None) -> str | None:
    return found.subject if found else None
