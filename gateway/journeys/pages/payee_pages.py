"""Bank details with Confirmation of Payee: the question, and what to do about each answer.

The check is a call to the payments service: no transaction is open while it runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from starlette.responses import Response

from gateway.journeys.actions import payees
from gateway.journeys.definition.service import Service
from gateway.journeys.dossier import Dossier, PayeeCheck, fingerprint
from gateway.journeys.forms.parse import BANK_FIELDS
from gateway.journeys.forms.show import form_values
from gateway.journeys.neighbours import neighbours_of
from gateway.journeys.pages.deps import as_errors, go, render, words_for
from gateway.journeys.pages.question_pages import parse_answer, question_values, typed_values
from gateway.journeys.queries import Instance
from shared.clients.base import ServiceUnavailableError
from shared.errors import FieldError, Invalid, Problem
from shared.web.deps import Form
from shared.web.runtime import Runtime

_MAXIMUM_REASON = 200
_UNPROCESSABLE = 422
Done = Callable[[Instance], Response]


@dataclass(frozen=True)
class Place:
    """Where bank details are asked for: in an application, or in a case for a new payment."""

    instance: Instance
    service: Service
    dossier: Dossier
    attribute: str
    url: str
    back_href: str
    # Details from which the money came back: a new payment needs other ones.
    returned_from: str = ""

    @property
    def check_url(self) -> str:
        """Return the address of the page that says what the check found."""
        return f"{self.url.partition('?')[0]}/account-check"


def show_bank_details(
    request: Request,
    place: Place,
    faults: tuple[FieldError, ...] = (),
    typed: dict[str, object] | None = None,
) -> Response:
    """Show the fields for an account; numbers that were given before are not shown again."""
    attribute = place.service.attribute(place.attribute)
    kept = place.dossier.answers.get(place.attribute)
    values = typed or form_values(place.attribute, attribute, kept.value if kept else None)
    return render(
        request,
        place.service,
        "bank_details.html",
        status=_UNPROCESSABLE if faults else 200,
        question=question_values(place.service, place.attribute, words_for(request)),
        values=values,
        back_href=place.back_href,
        **as_errors(faults),
    )


def send_bank_details(
    request: Request, runtime: Runtime, place: Place, form: Form, now: datetime, done: Done
) -> Response:
    """Check the account that was typed, keep both, and go where the outcome leads."""
    typed = typed_values(place.service, place.attribute, form)
    try:
        details = parse_answer(place.service, place.attribute, form, words_for(request))
        _refuse_returned(request, place, details)
    except Invalid as refusal:
        return show_bank_details(request, place, refusal.fields, typed)
    try:
        return _check(request, runtime, place, _texts(details), now, done)
    except Invalid as refusal:
        return show_bank_details(request, place, refusal.fields, typed)


def _refuse_returned(request: Request, place: Place, details: object) -> None:
    if place.returned_from and account_mark(details) == place.returned_from:
        message = words_for(request).gettext("The money came back from this account: use another")
        raise Invalid(FieldError(f"{place.attribute}-account", message))


def account_mark(details: object) -> str:
    """Return what is the same for two sets of details that lead to the same account."""
    texts = _texts(details)
    return fingerprint([texts.get("sort_code"), texts.get("account_number")])


def _check(
    request: Request,
    runtime: Runtime,
    place: Place,
    details: Mapping[str, str],
    now: datetime,
    done: Done,
) -> Response:
    check = _ask_payments(request, runtime, place, details)
    with runtime.database.transaction() as session:
        held = payees.record_check(
            session, runtime.sealer, place.instance.id, place.attribute, dict(details), check, now
        )
    return done(held) if check.lets_pass else go(place.check_url)


def _ask_payments(
    request: Request, runtime: Runtime, place: Place, details: Mapping[str, str]
) -> PayeeCheck:
    organisation = place.service.definition.organisation.id
    try:
        found = neighbours_of(runtime.settings).payments.check_payee(
            organisation=organisation, details=details
        )
    except ServiceUnavailableError:
        return PayeeCheck(fingerprint(dict(details)), "", "not_available", "", "", "")
    except Problem as problem:
        if problem.status != _UNPROCESSABLE:
            return PayeeCheck(fingerprint(dict(details)), "", "not_available", "", "", "")
        raise Invalid(*_fields(request, place, problem)) from problem
    return PayeeCheck(
        fingerprint=fingerprint(dict(details)),
        check_id=found.check_id,
        outcome=found.outcome,
        reason_code=found.reason_code,
        matched_name=found.matched_name,
        explanation=found.explanation,
    )


def _fields(request: Request, place: Place, problem: Problem) -> list[FieldError]:
    """Return the faults that payments named, at the fields of our form."""
    gettext = words_for(request).gettext
    faults = [
        FieldError(f"{place.attribute}-{BANK_FIELDS[fault.field]}", gettext(fault.message))
        for fault in problem.fields
        if fault.field in BANK_FIELDS
    ]
    message = gettext("Check the sort code and the account number")
    return faults or [FieldError(f"{place.attribute}-sort", message)]


def show_check(
    request: Request, place: Place, faults: tuple[FieldError, ...] = (), typed: str = ""
) -> Response:
    """Show what the check found and the choices; without a finding the question comes again."""
    check, answer = place.dossier.payee_check, place.dossier.answers.get(place.attribute)
    if check is None or answer is None or check.fingerprint != fingerprint(answer.value):
        return go(place.url)
    details = _texts(answer.value)
    return render(
        request,
        place.service,
        "account_check.html",
        status=_UNPROCESSABLE if faults else 200,
        outcome=check.outcome,
        given_name=details["name"],
        held_name=check.matched_name,
        sort_code="-".join(details["sort_code"][i : i + 2] for i in (0, 2, 4)),
        account_ending=details["account_number"][-4:],
        is_business=details["account_type"] == "business",
        reason_code=check.reason_code,
        explanation=check.explanation,
        check_id=check.check_id,
        declared_reason=typed,
        change_href=place.url,
        **as_errors(faults),
    )


def send_check(
    request: Request, runtime: Runtime, place: Place, form: Form, now: datetime, done: Done
) -> Response:
    """Do what the person chose: take the held name, check again, or go on as it is."""
    check, answer = place.dossier.payee_check, place.dossier.answers.get(place.attribute)
    if check is None or answer is None:
        return go(place.url)
    details, choice = _texts(answer.value), form.text("choice")
    if choice == "use_held_name" and check.outcome == "close_match" and check.matched_name:
        return _check(request, runtime, place, {**details, "name": check.matched_name}, now, done)
    if choice == "try_again":
        return _check(request, runtime, place, details, now, done)
    reason = form.text("reason")
    fault = _fault_in_choice(check, choice, reason, words_for(request).gettext)
    if fault is not None:
        return show_check(request, place, (fault,), typed=reason)
    with runtime.database.transaction() as session:
        held = payees.accept_check(
            session,
            runtime.sealer,
            place.instance.id,
            place.attribute,
            form.text("check_id"),
            reason,
            now,
        )
    return done(held)


def _fault_in_choice(
    check: PayeeCheck, choice: str, reason: str, _: Callable[[str], str]
) -> FieldError | None:
    if choice != "go_on":
        return FieldError("choice", _("Select what you want to do"))
    if check.outcome == "close_match" and not reason:
        return FieldError("reason", _("Tell us why the names differ"))
    if len(reason) > _MAXIMUM_REASON:
        return FieldError("reason", _("Use 200 characters or fewer"))
    return None


def _texts(details: object) -> dict[str, str]:
    found = details if isinstance(details, Mapping) else {}
    return {str(name): str(value) for name, value in found.items()}
