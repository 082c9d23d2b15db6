"""Writes the words of letters and messages: a definition's texts with a case's facts filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gateway.journeys.definition import model
from gateway.journeys.definition.phrases import Speaker
from gateway.journeys.definition.service import Service
from gateway.journeys.dossier import Dossier
from gateway.journeys.forms.show import address_lines, show_date
from shared.money import format_pounds

_REASONS = "{reasons}"
# How a paragraph begins that is a point of a list, by the mailbox's contract.
_POINT = "* "


@dataclass(frozen=True)
class CaseFacts:
    """What a letter can say about a case."""

    reference: str
    outcome: str
    amount_pence: int | None
    decided_date: date
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Letter:
    """A letter that is ready to be sent, in one language."""

    title: str
    non_sensitive_title: str
    summary: str
    body: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    recipient_name: str
    recipient_address: tuple[str, ...]


def write_letter(
    service: Service,
    step: model.Issue | model.Notify,
    dossier: Dossier,
    facts: CaseFacts,
    language: str,
) -> Letter:
    """Return the words of a letter; a paragraph that is ``{reasons}`` becomes a list of them."""
    definition = service.definition
    names = step.recipient_name if isinstance(step, model.Issue) else ()
    name = " ".join(str(dossier.answers[part].value) for part in names if part in dossier.answers)
    speaker = Speaker(
        language,
        {
            "title": words_of(definition.title, language),
            "organisation": words_of(definition.organisation.name, language),
            "reference": facts.reference,
            "amount": "" if facts.amount_pence is None else format_pounds(facts.amount_pence),
            "date": show_date(facts.decided_date, language),
            "name": name,
        },
    )
    message = step.message
    body: list[str] = []
    for paragraph in message.body:
        said = speaker.say(paragraph).plain
        body += [_POINT + reason for reason in facts.reasons] if said == _REASONS else [said]
    lines = step.facts if isinstance(step, model.Issue) else ()
    return Letter(
        title=speaker.say(message.title).plain,
        non_sensitive_title=speaker.say(message.non_sensitive_title).plain,
        summary=speaker.say(message.summary).plain,
        body=tuple(body),
        facts=tuple((speaker.say(f.label).plain, speaker.say(f.value).plain) for f in lines),
        recipient_name=name,
        recipient_address=_address(step, dossier),
    )


def _address(step: model.Issue | model.Notify, dossier: Dossier) -> tuple[str, ...]:
    source = step.recipient_address if isinstance(step, model.Issue) else None
    answer = None if source is None else dossier.answers.get(source)
    if answer is None or not isinstance(answer.value, Mapping):
        return ()
    return tuple(address_lines(answer.value))


def words_of(texts: model.Texts, language: str) -> str:
    """Return a text in a language, in its first one where it has no other."""
    return Speaker(language).say(texts).plain


def reasons_of(result: Mapping[str, object]) -> tuple[str, ...]:
    """Return the reasons of a stored decision."""
    reasons = result.get("reasons")
    return tuple(str(reason) for reason in reasons) if isinstance(reasons, list) else ()
