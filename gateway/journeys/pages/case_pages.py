"""A person's own applications: the list, one case, its confirmation, a new payment."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from gateway.journeys import queries
from gateway.journeys.actions.payouts import renew_payment, renewable_until
from gateway.journeys.definition import model
from gateway.journeys.definition.service import Service
from gateway.journeys.pages import payee_pages
from gateway.journeys.pages.deps import Elsewhere, Words, go, look_at, render, who, words_for
from gateway.journeys.queries import Instance
from gateway.journeys.timeline import Case, entries_of, status_of, tell_reason
from shared.crypto import Sealer
from shared.web.deps import FormDep, NowDep, RuntimeDep, SealerDep, SessionDep, public
from shared.web.login import SignedIn, signed_in
from shared.web.observe import begin_story
from shared.web.runtime import Runtime, runtime_of

router = APIRouter()


@router.get("/journeys")
@router.get("/journeys/cases")
def show_applications(
    request: Request, session: SessionDep, sealer: SealerDep, found: SignedIn, now: NowDep
) -> Response:
    """Show a person's unfinished applications and the ones they have sent."""
    words = words_for(request)
    drafts: list[dict[str, object]] = []
    cases: list[dict[str, object]] = []
    for instance in queries.list_instances(session, found.subject, now):
        service = queries.get_service(session, instance.service_id, instance.version)
        title = words.speaker.say(service.definition.title)
        if instance.state == "draft":
            visit = look_at(request, session, sealer, instance, now)
            drafts.append(
                {
                    "title": title,
                    "href": visit.url(None),
                    "updated_at": instance.updated_at,
                    "expires_at": instance.expires_at,
                }
            )
        else:
            standing = status_of(_case(session, sealer, instance), words.gettext)
            cases.append(
                {
                    "title": title,
                    "href": f"/journeys/cases/{instance.reference}",
                    "reference": instance.reference,
                    "submitted_at": instance.submitted_at,
                    "standing": standing,
                }
            )
    return runtime_of(request).pages.render(
        request, "journeys/applications.html", drafts=drafts, cases=cases
    )


@router.get("/journeys/cases/{reference}")
def show_case(
    reference: str,
    request: Request,
    session: SessionDep,
    sealer: SealerDep,
    found: SignedIn,
    now: NowDep,
) -> Response:
    """Show how one of the person's own cases stands and what happened so far."""
    instance = queries.get_case(session, reference, found.subject)
    begin_story(request.scope, instance.correlation_id)
    service = queries.get_service(session, instance.service_id, instance.version)
    words, case = words_for(request), _case(session, sealer, instance)
    step = payout_step(service)
    until = None if step is None else renewable_until(step, case.payouts, now)
    needs_details = bool(case.payouts) and case.payouts[-1].state in ("returned", "refused")
    return render(
        request,
        service,
        "case.html",
        reference=instance.reference,
        submitted_at=instance.submitted_at,
        standing=status_of(case, words.gettext),
        entries=entries_of(case, words.gettext),
        decision=_decision(service, case, words),
        letters=case.letters,
        payout_reason=tell_reason(case.payouts[-1].reason if case.payouts else "", words.gettext),
        needs_details=needs_details,
        new_details_until=until,
        new_details_href=f"/journeys/cases/{instance.reference}/new-payment",
        referral=_referral(service, instance, words),
    )


@router.get("/journeys/cases/{reference}/confirmation")
def show_confirmation(
    reference: str, request: Request, session: SessionDep, found: SignedIn
) -> Response:
    """Confirm that an application was sent."""
    instance = queries.get_case(session, reference, found.subject)
    service = queries.get_service(session, instance.service_id, instance.version)
    done = next(step for step in service.definition.steps if isinstance(step, model.Done))
    say = words_for(request).speaker.say
    return render(
        request,
        service,
        "confirmation.html",
        reference=instance.reference,
        next_steps=[say(sentence) for sentence in done.next],
        case_href=f"/journeys/cases/{instance.reference}",
    )


@router.get("/journeys/cases/{reference}/new-payment")
def show_new_payment(
    reference: str,
    request: Request,
    session: SessionDep,
    sealer: SealerDep,
    found: SignedIn,
    now: NowDep,
) -> Response:
    """Ask for new bank details after the money came back."""
    place = _renewal_place(session, sealer, reference, found.subject, now)
    return payee_pages.show_bank_details(request, place)


@router.post("/journeys/cases/{reference}/new-payment", dependencies=[Depends(public)])
def send_new_payment(
    reference: str, request: Request, runtime: RuntimeDep, form: FormDep, now: NowDep
) -> Response:
    """Check new bank details and ask for a new payment to them."""
    place = _own_place(request, runtime, reference, now)
    return payee_pages.send_bank_details(
        request, runtime, place, form, now, lambda held: _renew(runtime, held, now)
    )


@router.get("/journeys/cases/{reference}/new-payment/account-check")
def show_new_account_check(
    reference: str,
    request: Request,
    session: SessionDep,
    sealer: SealerDep,
    found: SignedIn,
    now: NowDep,
) -> Response:
    """Show what the check of the new account found."""
    place = _renewal_place(session, sealer, reference, found.subject, now)
    return payee_pages.show_check(request, place)


@router.post(
    "/journeys/cases/{reference}/new-payment/account-check", dependencies=[Depends(public)]
)
def send_new_account_check(
    reference: str, request: Request, runtime: RuntimeDep, form: FormDep, now: NowDep
) -> Response:
    """Do what the person chose about what the check of the new account found."""
    place = _own_place(request, runtime, reference, now)
    return payee_pages.send_check(
        request, runtime, place, form, now, lambda held: _renew(runtime, held, now)
    )


def _own_place(
    request: Request, runtime: Runtime, reference: str, now: datetime
) -> payee_pages.Place:
    """Return the place for a signed-in owner; leads everybody else to sign in.

    For endpoints that call a neighbour: their transactions end before the call.
    """
    with runtime.database.transaction() as session:
        found = who(request, session, runtime, now)
        owner = signed_in(request, found)
        return _renewal_place(session, runtime.sealer, reference, owner.subject, now)


def _renewal_place(
    session: Session, sealer: Sealer, reference: str, subject: str, now: datetime
) -> payee_pages.Place:
    instance = queries.get_case(session, reference, subject)
    service = queries.get_service(session, instance.service_id, instance.version)
    step = payout_step(service)
    payouts = queries.list_payouts(session, instance.id)
    if step is None or renewable_until(step, payouts, now) is None:
        raise Elsewhere(f"/journeys/cases/{instance.reference}")
    dossier = instance.open(sealer)
    given = dossier.answers.get(step.payee)
    is_old = given is not None and datetime.fromisoformat(given.at) <= payouts[-1].changed_at
    return payee_pages.Place(
        instance=instance,
        service=service,
        dossier=dossier,
        attribute=step.payee,
        returned_from=payee_pages.account_mark(given.value) if given is not None and is_old else "",
        url=f"/journeys/cases/{instance.reference}/new-payment",
        back_href=f"/journeys/cases/{instance.reference}",
    )


def _renew(runtime: Runtime, held: Instance, now: datetime) -> Response:
    with runtime.database.transaction() as session:
        renew_payment(session, runtime.sealer, held.id, now)
    return go(f"/journeys/cases/{held.reference}")


def payout_step(service: Service) -> model.Payout | None:
    """Return the step that pays, None for a service that pays nothing."""
    steps = service.definition.steps
    return next((step for step in steps if isinstance(step, model.Payout)), None)


def _case(session: Session, sealer: Sealer, instance: Instance) -> Case:
    return Case(
        state=instance.state,
        events=queries.list_events(session, instance.id),
        decision=queries.find_decision(session, sealer, instance.id),
        payouts=queries.list_payouts(session, instance.id),
        letters=queries.list_letters(session, instance.id),
        notices=queries.list_notices(session, instance.id),
    )


def _decision(service: Service, case: Case, words: Words) -> dict[str, object] | None:
    if case.decision is None:
        return None
    result = case.decision.result
    criteria = result.get("criteria")
    language = str(result.get("language", ""))
    spoken = language if language in service.rule_set.languages else service.languages[0]
    return {
        "outcome": case.decision.outcome,
        "amount_pence": case.decision.amount_pence,
        "on_date": case.decision.on_date,
        "reasons": [
            {
                "verdict": criterion.get("verdict"),
                "text": words.speaker.mark(str(criterion.get("reason")), spoken),
                "to_qualify": words.speaker.mark(str(criterion.get("to_qualify")), spoken),
                "legal_reference": words.speaker.mark(
                    str(criterion.get("legal_reference")), service.languages[0]
                ),
            }
            for criterion in (criteria if isinstance(criteria, list) else [])
            if isinstance(criterion, Mapping) and criterion.get("verdict") is not None
        ],
    }


def _referral(service: Service, instance: Instance, words: Words) -> str:
    if instance.state != "referred":
        return ""
    steps = service.definition.steps
    decide = next(step for step in steps if isinstance(step, model.Decide))
    return words.speaker.say(decide.referral)
