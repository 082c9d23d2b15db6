"""What must hold before a definition is published (contract section 4.6)."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product

from gateway.eligibility.expression import Checked, Kind, Unknown, Value, evaluate
from gateway.eligibility.personas import run_personas
from gateway.eligibility.reader import DefinitionError
from gateway.journeys.definition import model
from gateway.journeys.definition.phrases import placeholders
from gateway.journeys.definition.service import Service, all_pages
from gateway.journeys.definition.words import all_texts
from gateway.journeys.publishing.trial import check_personas
from gateway.journeys.route import verified_by
from shared.errors import FieldError

Faults = Iterator[FieldError]
# Addresses below /journeys/<service>/ and /journeys/ that pages of the engine have.
RESERVED_PAGES = frozenset({"tasks", "start", "new-payment", "continue", "discard"})
RESERVED_SERVICES = frozenset({"cases", "sign-in", "callback", "sign-out"})
MESSAGE_PLACEHOLDERS = frozenset(
    {"title", "organisation", "reference", "amount", "date", "name", "reasons"}
)
_ORDER = ("start", "check", "sign_in", "verify", "collect", "review", "decide")
_ONCE = ("start", "sign_in", "review", "decide", "done")
_MOST_COMBINATIONS = 256
_NOBODY_DECIDES = "this refers the case to a person, and there is no page yet on which they decide"
_OUTCOMES = {"eligible", "not_eligible", "refer", "cannot_tell"}


def check_service(service: Service) -> None:
    """Refuse a definition that breaks a rule of publishing.

    Raises DefinitionError with every fault and its place.
    """
    faults = [fault for check in _CHECKS for fault in check(service)]
    if not faults:
        faults = list(check_personas(service))
    if faults:
        raise DefinitionError(tuple(faults))


def _order(service: Service) -> Faults:
    steps = service.definition.steps
    kinds: list[str] = [step.kind for step in steps]
    for kind in _ONCE:
        if kinds.count(kind) != 1:
            yield FieldError("steps", f"there must be one step of kind {kind}")
    for kind in ("check", "verify"):
        if kinds.count(kind) > 1:
            yield FieldError("steps", f"there can be at most one step of kind {kind}")
    if kinds and (kinds[0] != "start" or kinds[-1] != "done"):
        yield FieldError("steps", "the first step is start and the last is done")
    furthest = 0
    for step in steps:
        rank = _ORDER.index(step.kind) if step.kind in _ORDER else len(_ORDER)
        if rank < furthest:
            yield FieldError(f"steps.{step.id}", f"{step.kind} stands too late")
        furthest = max(furthest, rank)
    names = [step.id for step in steps]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield FieldError(f"steps.{name}", "two steps have this id")


def _addresses(service: Service) -> Faults:
    if service.id in RESERVED_SERVICES:
        yield FieldError("id", "this word is an address of the platform")
    pages = list(all_pages(service.definition, service.rule_set))
    for page in pages:
        same = [other for other in pages if other.key == page.key]
        if len(same) > 1 and any(other.attribute != page.attribute for other in same):
            yield FieldError(f"steps.{page.step}", f"two pages have the address {page.key}")
        if page.key in RESERVED_PAGES:
            yield FieldError(f"steps.{page.step}", f"{page.key} is an address of the platform")
    asked = [page.attribute for page in pages if page.kind == "question"]
    for name in sorted({name for name in asked if asked.count(name) > 1}):
        yield FieldError(f"attributes.{name}", "this is asked in two steps")


def _reachable(service: Service) -> Faults:
    for place, condition in service.conditions.items():
        if not _can_hold(condition, service.kinds):
            yield FieldError(f"{place}.when", "this can never hold, so nobody gets here")


def _can_hold(condition: Checked, kinds: Mapping[str, Kind]) -> bool:
    """Tell whether some values make a condition true; too many to try counts as yes."""
    if evaluate(condition, {}) is False:
        return False
    choices = [_values_of(kinds[name]) for name in sorted(condition.names)]
    size = 1
    for options in choices:
        size *= len(options)
    if not 0 < size <= _MOST_COMBINATIONS:
        return True
    return any(
        evaluate(condition, dict(zip(sorted(condition.names), values, strict=True))) is not False
        for values in product(*choices)
    )


def _values_of(kind: Kind) -> tuple[Value | Unknown, ...]:
    if kind.base == "bool":
        return (True, False)
    return kind.values if kind.base == "enum" else (Unknown(),)


def _sources(service: Service) -> Faults:
    """Every attribute used is asked or verified before it is used, and every one is used."""
    attributes = service.definition.attributes
    known: set[str] = set()
    used: set[str] = set()
    for place, needs, gives in _uses(service):
        used |= needs | gives
        for name in sorted((needs | gives) - attributes.keys()):
            yield FieldError(place, f"there is no attribute {name}")
        for name in sorted((needs & attributes.keys()) - known):
            yield FieldError(place, f"{name} is neither asked nor verified before")
        known |= gives
    for name, attribute in attributes.items():
        if name not in used and attribute.verified is None:
            yield FieldError(f"attributes.{name}", "nothing uses this")


def _uses(service: Service) -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield, in order, the places that use attributes: what they need and what they give."""
    for step in service.definition.steps:
        place = f"steps.{step.id}"
        needs = _read(service, place) | _needs(step)
        gives: set[str] = set()
        if isinstance(step, model.Check):
            asked = {name for name in service.rule_set.attributes if _is_asked(service, name)}
            yield place, set(), asked
            continue
        if isinstance(step, model.Verify):
            gives = set(verified_by(service, step.scopes))
        yield place, needs, gives
        if isinstance(step, model.Decide):
            yield place, set(service.rule_set.attributes), set()
        for ask in step.asks if isinstance(step, model.Collect) else ():
            yield place, _read(service, f"{place}.{ask.attribute}"), {ask.attribute}


def _read(service: Service, place: str) -> set[str]:
    condition = service.conditions.get(place)
    names = condition.names if condition is not None else frozenset[str]()
    return {name for name in names if not name.startswith("decision.")}


def _is_asked(service: Service, name: str) -> bool:
    attribute = service.definition.attributes.get(name)
    return attribute is not None and attribute.is_asked


def _needs(step: model.Step) -> set[str]:
    if isinstance(step, model.Payout):
        return {step.payee}
    if isinstance(step, model.Issue):
        address = () if step.recipient_address is None else (step.recipient_address,)
        return {*step.recipient_name, *address}
    return set()


def _outcomes(service: Service) -> Faults:
    for step in service.definition.steps:
        if isinstance(step, model.Decide):
            for outcome in sorted(_OUTCOMES - set(step.outcomes)):
                yield FieldError(f"steps.{step.id}.outcomes", f"{outcome} is not handled")
        if isinstance(step, model.Payout):
            attribute = service.definition.attributes.get(step.payee)
            if attribute is not None and attribute.type != "bank_details":
                yield FieldError(f"steps.{step.id}.payee", "this must be bank details")
            if not any(row.amount for row in service.rule_set.outcomes):
                yield FieldError(f"steps.{step.id}", "the rules give no amount to pay")


def _referrals(service: Service) -> Faults:
    """Nobody can decide what is referred to a person yet: rules must not lead there."""
    for step in service.definition.steps:
        if not isinstance(step, model.Decide):
            continue
        for outcome in ("eligible", "not_eligible"):
            if step.outcomes.get(outcome) == "refer":
                yield FieldError(f"steps.{step.id}.outcomes", f"{outcome}: {_NOBODY_DECIDES}")
        if step.outcomes.get("refer") != "refer":
            continue
        for criterion in service.rule_set.criteria:
            if criterion.severity == "referral":
                yield FieldError(f"rules.criteria.{criterion.id}.severity", _NOBODY_DECIDES)
        for row in service.rule_set.outcomes:
            if row.outcome == "refer" and row.when is not None:
                yield FieldError(f"rules.outcomes.{row.id}", _NOBODY_DECIDES)


def _proofs(service: Service) -> Faults:
    """What is declared as verified is verified: else the typed value would be decided on."""
    asked = {
        scope
        for step in service.definition.steps
        if isinstance(step, model.Verify)
        for scope in step.scopes
    }
    for name, attribute in service.definition.attributes.items():
        if attribute.verified is not None and attribute.verified.scope not in asked:
            scope = attribute.verified.scope
            yield FieldError(f"attributes.{name}.verified", f"no verify step asks for {scope}")


def _languages(service: Service) -> Faults:
    declared = service.definition.languages
    if next(iter(declared.values())) != "complete":
        yield FieldError("languages", "the first language must be complete")
    for place, texts in all_texts(service.definition):
        for language, state in declared.items():
            if state == "complete" and language not in texts.root:
                yield FieldError(place, f"no text in {language}")
        for language in texts.root:
            if language not in declared:
                yield FieldError(place, f"{language} is not a language of this service")


def _placeholders(service: Service) -> Faults:
    for place, texts in all_texts(service.definition):
        allowed = (
            MESSAGE_PLACEHOLDERS if ".message." in place or ".facts." in place else frozenset()
        )
        for words in texts.root.values():
            for name in sorted(placeholders(words) - allowed):
                yield FieldError(place, f"{{{name}}} is not filled in here")


def _rule_personas(service: Service) -> Faults:
    if not service.rule_set.personas:
        yield FieldError("rules.personas", "at least one persona is needed")
    for failure in run_personas(service.rule_set):
        yield FieldError(f"rules.personas.{failure.persona}", failure.message)


def _questions(service: Service) -> Faults:
    for step in service.definition.steps:
        for ask in step.asks if isinstance(step, model.Collect) else ():
            attribute = service.definition.attributes.get(ask.attribute)
            if attribute is not None and not attribute.is_asked:
                yield FieldError(f"attributes.{ask.attribute}", "this is asked without a question")
    for name, attribute in service.definition.attributes.items():
        if attribute.is_asked and attribute.missing is None:
            yield FieldError(f"attributes.{name}.missing", "a text is needed for no answer")


_CHECKS: tuple[Callable[[Service], Faults], ...] = (
    _order,
    _addresses,
    _reachable,
    _sources,
    _outcomes,
    _referrals,
    _proofs,
    _languages,
    _placeholders,
    _questions,
    _rule_personas,
)
