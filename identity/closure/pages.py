"""The pages that close an account, keep it after all, and hand its data over."""

import json

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from identity.accounts.queries import get_profile
from identity.closure import actions
from identity.closure.queries import collect_data, get_closing_at
from identity.closure.rules import FRAUD_YEARS, ORDINARY_YEARS
from identity.details.access import is_fresh
from identity.oidc.flows import continue_url
from identity.organisations.queries import list_staff_roles
from identity.signin.access import (
    FlowDep,
    PeopleSettingsDep,
    SignedInDep,
    VaultDep,
    VisitorDep,
    forget_session_cookie,
    show_page,
)
from identity.signin.guesses import guess_password
from shared.errors import FieldError
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()


@router.get("/account/close")
def explain(
    request: Request,
    session: SessionDep,
    person: SignedInDep,
    settings: PeopleSettingsDep,
    now: NowDep,
) -> Response:
    """Say what closing deletes, what is kept, why and how long."""
    if get_closing_at(session, person.account_id) is not None:
        return RedirectResponse("/identity/account/closing", 303)
    return _page(request, session, person, settings, needs_password=not is_fresh(person, now))


@router.post("/account/close")
def close(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    vault: VaultDep,
    visitor: VisitorDep,
    person: SignedInDep,
    settings: PeopleSettingsDep,
    now: NowDep,
) -> Response:
    """Close the account of a person who confirmed it, or show the page again."""
    needs_password = not is_fresh(person, now)
    fault = None
    if needs_password:
        with runtime.database.transaction() as session:
            profile = get_profile(session, person.account_id, vault.sealer)
        email, password = profile.email if profile else "", form.text("password")
        if not password:
            fault = FieldError("password", "Enter your password")
        elif not guess_password(
            runtime.database, vault, visitor.browser_hash, email, password, now
        ):
            fault = FieldError("password", "This is not your password")
    if fault is None and form.text("confirm") != "yes":
        fault = FieldError("confirm", "Confirm that you want to close your account")
    with runtime.database.transaction() as session:
        if fault is not None:
            return _page(
                request, session, person, settings, needs_password=needs_password, faults=(fault,)
            )
        closing_at = actions.close_account(session, person.account_id, now)
    page = show_page(request, "closure/closed.html", None, closing_at=closing_at)
    return forget_session_cookie(request, page)


@router.get("/account/closing")
def offer_to_keep(
    request: Request, session: SessionDep, person: SignedInDep, flow: FlowDep
) -> Response:
    """Ask a person who came back whether the account shall stay."""
    closing_at = get_closing_at(session, person.account_id)
    onwards = continue_url(flow.id) if flow else "/identity/account"
    if closing_at is None:
        return RedirectResponse(onwards, 303)
    return show_page(
        request,
        "closure/keep.html",
        flow,
        closing_at=closing_at,
        onwards=onwards,
        sign_out_url="/identity/sign-out",
    )


@router.post("/account/closing")
def keep(session: SessionDep, person: SignedInDep, flow: FlowDep) -> Response:
    """Keep the account; one that is not being closed stays as it is."""
    actions.keep_account(session, person.account_id)
    return RedirectResponse(
        continue_url(flow.id) if flow else "/identity/account?changed=kept", 303
    )


@router.get("/account/download")
def download(session: SessionDep, vault: VaultDep, person: SignedInDep, now: NowDep) -> Response:
    """Hand over everything that the account holds, as JSON."""
    data = collect_data(session, vault, person.account_id, now)
    return Response(
        json.dumps(data, indent=2, ensure_ascii=False),
        media_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="my-account-{now:%Y-%m-%d}.json"',
            "Cache-Control": "no-store",
        },
    )


def _page(
    request: Request,
    session: SessionDep,
    person: SignedInDep,
    settings: PeopleSettingsDep,
    *,
    needs_password: bool,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    return show_page(
        request,
        "closure/close.html",
        None,
        days=settings.closing_days,
        years=(ORDINARY_YEARS, FRAUD_YEARS),
        works_for_somebody=bool(list_staff_roles(session, person.account_id)),
        needs_password=needs_password,
        faults=faults,
        sign_out_url="/identity/sign-out",
    )
