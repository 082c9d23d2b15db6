"""Walks a definition's invented people through its pages and steps (contract section 4.6)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time

from gateway.eligibility.expression import Evaluated
from gateway.eligibility.rules import Result
from gateway.journeys import route
from gateway.journeys.definition import model
from gateway.journeys.definition.service import Page, Service
from gateway.journeys.dossier import Answer, Dossier, PayeeCheck, fingerprint
from shared.errors import FieldError

_MOST_PAGES = 200


def check_personas(service: Service) -> Iterator[FieldError]:
    """Yield every difference between what a persona should meet and what they meet."""
    for persona in service.definition.personas:
        place = f"personas.{persona.id}.expect"
        pages, dossier, stuck = walk_pages(service, persona)
        if stuck:
            yield FieldError(f"personas.{persona.id}.answers", f"no answer for {stuck}")
            continue
        result = route.result_of(service, dossier, persona.on_date)
        expect = persona.expect
        if result.outcome != expect.outcome:
            yield FieldError(f"{place}.outcome", f"the rules decided {result.outcome}")
        if result.amount_pence != expect.amount_pence:
            yield FieldError(f"{place}.amount_pence", f"the rules decided {result.amount_pence}")
        if tuple(pages) != expect.pages:
            yield FieldError(f"{place}.pages", f"the pages were {', '.join(pages)}")
        effects = effects_of(service, dossier, result) if pages[-1:] == [_review(service)] else []
        if tuple(effects) != expect.effects:
            yield FieldError(f"{place}.effects", f"the effects were {', '.join(effects) or 'none'}")


def walk_pages(service: Service, persona: model.Persona) -> tuple[list[str], Dossier, str]:
    """Return the pages a persona meets, what is known then, and the page without an answer."""
    dossier, pages = Dossier(), list[str]()
    now = datetime.combine(persona.on_date, time(12), UTC)
    is_signed_in = False
    for _ in range(_MOST_PAGES):
        found = route.walk(service, dossier, persona.on_date, is_signed_in=is_signed_in)
        page = found.current
        if page is None or (pages and pages[-1] == page.key):
            return pages, dossier, "" if page is None or page.kind != "question" else page.key
        pages.append(page.key)
        is_signed_in = is_signed_in or page.kind == "sign_in"
        if page.kind == "review":
            break
        dossier = _answer(service, persona, dossier, page, found.result, now)
    return pages, dossier, ""


def _answer(
    service: Service,
    persona: model.Persona,
    dossier: Dossier,
    page: Page,
    result: Result,
    now: datetime,
) -> Dossier:
    if page.kind == "result":
        return replace(dossier, result_seen=route.result_mark(result), apply_anyway=True)
    if page.kind == "verify":
        verified = {
            name: Answer(value, "verified", now.isoformat(), "persona")
            for name, value in persona.verified.items()
        }
        return replace(dossier, answers={**dossier.answers, **verified})
    if page.kind != "question" or page.attribute not in persona.answers:
        return dossier
    value = persona.answers[page.attribute]
    dossier = dossier.answered(page.attribute, value, now)
    if service.attribute(page.attribute).type == "bank_details":
        check = PayeeCheck(fingerprint(value), "persona", "match", "", "", "")
        dossier = replace(dossier, payee_check=check)
    return dossier


def effects_of(service: Service, dossier: Dossier, result: Result) -> list[str]:
    """Return the steps that a submitted application goes through after its decision."""
    values: dict[str, Evaluated] = dict(route.scope_values(service, dossier))
    values["decision.outcome"] = result.outcome
    if result.amount_pence is not None:
        values["decision.amount"] = result.amount_pence
    decide = next(s for s in service.definition.steps if isinstance(s, model.Decide))
    if decide.outcomes[result.outcome] == "refer":
        return []
    effects, step = [], route.next_effect(service, decide.id, values)
    while step.kind != "done":
        effects.append(step.id)
        step = route.next_effect(service, step.id, values)
    return effects


def _review(service: Service) -> str:
    return next(s.id for s in service.definition.steps if isinstance(s, model.Review))
