"""Which page comes now: worked out from the answers each time, never stored (section 4.2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.eligibility.answers import value_of
from gateway.eligibility.expression import Evaluated, evaluate
from gateway.eligibility.planner import next_question
from gateway.eligibility.rules import Result
from gateway.eligibility.rules import evaluate as decide
from gateway.journeys.definition import model
from gateway.journeys.definition.service import Page, Service, page_key
from gateway.journeys.dossier import Dossier, fingerprint


@dataclass(frozen=True)
class Route:
    """The pages behind the person in order, and the one to be filled in now (None: at the end)."""

    done: tuple[Page, ...]
    current: Page | None
    result: Result

    def reaches(self, page: Page) -> bool:
        """Tell whether a page may be opened: it lies behind, or it is the current one."""
        return page == self.current or page in self.done


def walk(service: Service, dossier: Dossier, on_date: date, *, is_signed_in: bool) -> Route:
    """Return where a person is; an answer that changed an earlier branch moves them back."""
    done: list[Page] = []
    result = result_of(service, dossier, on_date)
    for page, complete in _pages(service, dossier, on_date, result, is_signed_in=is_signed_in):
        if not complete:
            return Route(tuple(done), page, result)
        done.append(page)
    return Route(tuple(done), None, result)


def path_values(service: Service, dossier: Dossier, on_date: date) -> dict[str, object]:
    """Return the values that count: verified ones, and those the check asks for on this path."""
    values = dossier.values()
    asked = dict(_asked(service, dossier, on_date))
    return {
        name: values[name]
        for name in service.rule_set.attributes
        if name in values and (name in asked or dossier.answers[name].source == "verified")
    }


def result_of(service: Service, dossier: Dossier, on_date: date) -> Result:
    """Return the answer of the rules to what is known on this path, reasons in the first language.

    The words are looked up again in the reader's language when they are shown.
    """
    values = path_values(service, dossier, on_date)
    return decide(service.rule_set, values, on_date, service.languages[0])


def result_mark(result: Result) -> str:
    """Return what must stay the same for the person not to be shown the answer again."""
    return fingerprint([result.outcome, result.amount_pence])


def holds(service: Service, place: str, values: Mapping[str, Evaluated]) -> bool:
    """Tell whether a condition holds; one that is still unknown does not."""
    condition = service.conditions.get(place)
    return condition is None or evaluate(condition, values) is True


def scope_values(service: Service, dossier: Dossier) -> dict[str, Evaluated]:
    """Return the attributes' values as conditions read them."""
    return {
        name: value_of(kind, dossier.answers[name].value)
        for name, kind in service.kinds.items()
        if name in dossier.answers
    }


def next_effect(service: Service, after: str, values: Mapping[str, Evaluated]) -> model.Step:
    """Return the step to do after a step: the next whose condition holds."""
    steps = list(service.definition.steps)
    position = next(index for index, step in enumerate(steps) if step.id == after)
    for step in steps[position + 1 :]:
        if holds(service, f"steps.{step.id}", values):
            return step
    raise LookupError(f"nothing follows {after}")


def _pages(
    service: Service, dossier: Dossier, on_date: date, result: Result, *, is_signed_in: bool
) -> Iterator[tuple[Page, bool]]:
    values = scope_values(service, dossier)
    for step in service.definition.steps:
        if isinstance(step, model.Check):
            for name, answered in _asked(service, dossier, on_date):
                yield service.pages[page_key(name)], answered
            yield service.pages[step.id], _result_is_settled(dossier, result)
        elif isinstance(step, model.SignIn):
            yield service.pages[step.id], is_signed_in
        elif isinstance(step, model.Verify):
            yield service.pages[step.id], is_verified(service, step, dossier, on_date)
        elif isinstance(step, model.Collect) and holds(service, f"steps.{step.id}", values):
            for ask in step.asks:
                if holds(service, f"steps.{step.id}.{ask.attribute}", values):
                    complete = _is_complete(service, ask.attribute, dossier)
                    yield service.pages[page_key(ask.attribute)], complete
        elif isinstance(step, model.Review):
            yield service.pages[step.id], False


def _asked(service: Service, dossier: Dossier, on_date: date) -> Iterator[tuple[str, bool]]:
    """Yield the check's questions in their order; ends with the first unanswered one."""
    values = dossier.values()
    given: dict[str, object] = {
        name: answer.value
        for name, answer in dossier.answers.items()
        if name in service.rule_set.attributes and not service.attribute(name).is_asked
    }
    while (name := next_question(service.rule_set, given, on_date)) is not None:
        if not service.attribute(name).is_asked:
            return
        if name not in values:
            yield name, False
            return
        yield name, True
        given[name] = values[name]


def _result_is_settled(dossier: Dossier, result: Result) -> bool:
    if dossier.result_seen != result_mark(result):
        return False
    return result.outcome != "not_eligible" or dossier.apply_anyway


def is_verified(service: Service, step: model.Verify, dossier: Dossier, on_date: date) -> bool:
    """Tell whether everything that the step's scopes give is there and fresh enough."""
    return all(
        _is_fresh(service, name, dossier, on_date) for name in verified_by(service, step.scopes)
    )


def verified_by(service: Service, scopes: tuple[str, ...]) -> list[str]:
    """Return the attributes that come verified with these scopes."""
    return [
        name
        for name, attribute in service.definition.attributes.items()
        if attribute.verified is not None and attribute.verified.scope in scopes
    ]


def _is_fresh(service: Service, name: str, dossier: Dossier, on_date: date) -> bool:
    answer = dossier.answers.get(name)
    if answer is None or answer.source != "verified":
        return False
    limit = service.attribute(name).freshness_days
    day = date.fromisoformat(answer.at[:10])
    return limit is None or day >= on_date - timedelta(days=limit)


def _is_complete(service: Service, name: str, dossier: Dossier) -> bool:
    answer = dossier.answers.get(name)
    if answer is None:
        return False
    if service.attribute(name).type != "bank_details":
        return True
    check = dossier.payee_check
    return check is not None and check.lets_pass and check.fingerprint == fingerprint(answer.value)
