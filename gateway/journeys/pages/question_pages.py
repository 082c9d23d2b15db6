"""Question pages, and the page with the answer of the eligibility check."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from gateway.eligibility.rules import CriterionResult, Result
from gateway.eligibility.rules import evaluate as decide
from gateway.journeys import route
from gateway.journeys.actions import drafts
from gateway.journeys.definition import model
from gateway.journeys.definition.service import Page, Service
from gateway.journeys.forms.parse import parse
from gateway.journeys.forms.show import form_values
from gateway.journeys.pages.deps import (
    Visit,
    Words,
    as_errors,
    back_url,
    go,
    look_at,
    next_url,
    render,
)
from shared.crypto import Sealer
from shared.errors import FieldError, Invalid
from shared.web.deps import Form


def question_values(service: Service, name: str, words: Words) -> dict[str, object]:
    """Return what a question page says."""
    say, attribute = words.speaker.say, service.attribute(name)
    return {
        "type": attribute.type,
        "name": name,
        "text": say(attribute.question),
        "hint": say(attribute.hint),
        "purpose": say(attribute.purpose),
        "options": [
            {"value": o.value, "text": say(o.label), "hint": say(o.hint)} for o in attribute.options
        ],
    }


def show_question(
    request: Request,
    visit: Visit,
    page: Page,
    *,
    faults: tuple[FieldError, ...] = (),
    typed: dict[str, object] | None = None,
) -> Response:
    """Show a question with the answer that is kept, or with what was typed and is wrong."""
    attribute, name = visit.service.attribute(page.attribute), page.attribute
    kept = visit.dossier.answers.get(name)
    values = typed or form_values(name, attribute, kept.value if kept else None)
    return render(
        request,
        visit.service,
        "question.html",
        status=422 if faults else 200,
        question=question_values(visit.service, name, visit.words),
        values=values,
        back_href=back_url(visit, page),
        **as_errors(faults),
    )


def send_question(
    request: Request,
    session: Session,
    sealer: Sealer,
    visit: Visit,
    page: Page,
    form: Form,
    now: datetime,
) -> Response:
    """Keep an answer and go on; a wrong one is shown again with what is wrong."""
    try:
        value = parse_answer(visit.service, page.attribute, form, visit.words)
    except Invalid as refusal:
        typed = typed_values(visit.service, page.attribute, form)
        return show_question(request, visit, page, faults=refusal.fields, typed=typed)
    held = drafts.answer(session, sealer, visit.instance.id, page.attribute, value, now)
    after = look_at(request, session, sealer, held, now)
    return go(next_url(after, page, is_change="change" in request.query_params))


def parse_answer(service: Service, name: str, form: Form, words: Words) -> object:
    """Return the answer in a form; refuses a wrong one in the reader's language."""
    attribute = service.attribute(name)
    missing = words.speaker.say(attribute.missing).plain
    return parse(name, attribute, form.values, missing, words.gettext)


def typed_values(service: Service, name: str, form: Form) -> dict[str, object]:
    """Return what was typed, for showing the form again."""
    values: dict[str, object] = dict(form.plain())
    if service.attribute(name).type == "choose_many":
        values[name] = form.all(name)
    return values


def show_result(request: Request, visit: Visit, page: Page) -> Response:
    """Show whether the person is eligible, every reason, the amount, and what else may help."""
    step = visit.service.step(page.step)
    if not isinstance(step, model.Check):
        raise TypeError(f"{page.step} checks nothing")
    words = visit.words
    values = route.path_values(visit.service, visit.dossier, visit.today)
    result = decide(visit.service.rule_set, values, visit.today, words.language)
    asked_before = visit.dossier.result_seen not in ("", route.result_mark(result))
    return render(
        request,
        visit.service,
        "result.html",
        outcome=result.outcome,
        amount_pence=result.amount_pence,
        reasons=[_reason(visit.service, words, c) for c in _shown(result)],
        next_best=[{"text": words.speaker.say(n.text), "url": n.url} for n in step.next_best],
        apply_anyway=words.speaker.say(step.apply_anyway),
        has_changed=asked_before,
        back_href=back_url(visit, page),
        illustrative=visit.service.rule_set.legal_reference,
    )


def _shown(result: Result) -> list[CriterionResult]:
    """Return the criteria that have an answer; those nobody had to ask about are left out."""
    return [c for c in result.criteria if c.verdict is not None or result.outcome == "cannot_tell"]


def _reason(service: Service, words: Words, criterion: CriterionResult) -> dict[str, object]:
    languages = service.rule_set.languages
    language = words.language if words.language in languages else languages[0]
    return {
        "verdict": criterion.verdict,
        "text": words.speaker.mark(criterion.reason, language),
        "to_qualify": words.speaker.mark(criterion.to_qualify, language),
        "legal_reference": words.speaker.mark(criterion.legal_reference, languages[0]),
    }


def send_result(
    request: Request,
    session: Session,
    sealer: Sealer,
    visit: Visit,
    page: Page,
    form: Form,
    now: datetime,
) -> Response:
    """Note that the answer was seen, and go on where the service allows it."""
    held = drafts.acknowledge_result(
        session,
        sealer,
        visit.instance.id,
        page.step,
        now,
        apply_anyway=form.text("choice") == "apply_anyway",
    )
    after = look_at(request, session, sealer, held, now)
    return go(after.url(after.route.current))
