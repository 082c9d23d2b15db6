"""What a catalogue entry holds, and reading it from a definition (contract section 6.3)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shared.errors import FieldError, Invalid

Language = Literal["en", "gd"]


def _by_language(found: object) -> object:
    return found if isinstance(found, Mapping) else {"en": found}


_Sentence = Annotated[str, Field(min_length=1, max_length=4_000)]
Texts = Annotated[dict[Language, _Sentence], BeforeValidator(_by_language)]
Lists = Annotated[dict[Language, tuple[_Sentence, ...]], BeforeValidator(_by_language)]


class Channel(BaseModel):
    """One way to reach the service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["online", "phone", "post", "email", "in_person"]
    text: Texts


class Section(BaseModel):
    """The `catalogue:` part of a definition; a plain text stands for English."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Texts
    summary: Texts
    description: Texts | None = None
    who: Texts | None = None
    amount: Texts | None = None
    cost: Texts | None = None
    processing_time: Texts | None = None
    evidence: Lists = Field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    aliases: Lists = Field(default_factory=dict)
    life_events: tuple[str, ...] = ()
    lgsl: int | None = None
    lgil: int | None = None
    popularity: int = Field(0, ge=0, le=100)
    action: Literal["check", "start"] = "check"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry that can be published; no organisation means the council of the place."""

    slug: str
    organisation: str | None
    journey_id: str | None
    section: Section

    @property
    def texts(self) -> dict[str, object]:
        """The words that pages show, as plain JSON."""
        words = self.section.model_dump(
            mode="json",
            exclude={"aliases", "life_events", "lgsl", "lgil", "popularity"},
            exclude_none=True,
        )
        return dict(words)

    @property
    def content_hash(self) -> bytes:
        """SHA-256 of everything that is published, so that nothing is written twice."""
        content = [
            self.slug,
            self.organisation,
            self.journey_id,
            self.section.model_dump(mode="json"),
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()

    def words(self, language: Language) -> tuple[str, str, str]:
        """Names and aliases, summary, and the longer texts of one language, for the search."""
        section = self.section
        names = (section.name.get(language, ""), *section.aliases.get(language, ()))
        longer = [section.description, section.who, section.amount]
        rest = [texts.get(language, "") for texts in longer if texts]
        return " . ".join(names), section.summary.get(language, ""), " ".join(rest)

    def names(self) -> tuple[str, ...]:
        """Every name and alias in every language."""
        aliases = (alias for part in self.section.aliases.values() for alias in part)
        return (*self.section.name.values(), *aliases)


class EntryError(Invalid):
    """A definition whose catalogue part cannot be used; `fields` name every place."""

    def __init__(self, fields: tuple[FieldError, ...]) -> None:
        super().__init__(*fields, code="catalogue_entry_invalid")


def entry_from(definition: Mapping[str, object]) -> Entry:
    """Read the entry of a service definition: its id, title, summary, body and `catalogue` part.

    Name and summary of the `catalogue` part come first, title and summary of the definition
    stand in. Raises EntryError with every fault and its place.
    """
    part = definition.get("catalogue")
    if not isinstance(part, Mapping):
        raise EntryError((FieldError("catalogue", "this must be a mapping"),))
    stand_in = {"name": definition.get("title"), "summary": definition.get("summary")}
    section = _section({**stand_in, **part}, "catalogue.")
    slug, organisation = definition.get("id"), definition.get("organisation")
    if isinstance(organisation, Mapping):
        organisation = organisation.get("id")
    if not isinstance(slug, str) or not isinstance(organisation, str):
        raise EntryError((FieldError("id", "id and organisation are needed"),))
    return Entry(slug, organisation, slug, section)


def general_entry_from(data: Mapping[str, object]) -> Entry:
    """Read an entry of the reference data: information that leads to the citizen's own council.

    Raises EntryError with every fault and its place.
    """
    rest = {name: value for name, value in data.items() if name != "slug"}
    return Entry(str(data.get("slug", "")), None, None, _section(rest, f"{data.get('slug')}."))


def _section(data: Mapping[str, object], place: str) -> Section:
    try:
        return Section.model_validate(data)
    except ValidationError as error:
        faults = tuple(
            FieldError(place + ".".join(str(part) for part in fault["loc"]), fault["msg"])
            for fault in error.errors()
        )
        raise EntryError(faults) from error
