"""What a service definition holds: header, facts asked for, steps (contract sections 4.1, 4.2)."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, model_validator

Language = Literal["en", "gd"]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
AnswerType = Literal[
    "yes_no",
    "choose_one",
    "choose_many",
    "text",
    "name",
    "date",
    "number",
    "money",
    "postcode",
    "bank_details",
    "address",
]


# No leap year: a first day of February the 29th would be missing in most years.
_ANY_YEAR = 2001


class Model(BaseModel):
    """A part of a definition: immutable, and closed to keys that nobody would read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_languages(found: object) -> object:
    return {"en": found} if isinstance(found, str) else found


class Texts(RootModel[Annotated[dict[Language, str], BeforeValidator(_as_languages)]]):
    """One sentence in one or more languages; a plain string is English."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _filled(self) -> Self:
        if not self.root or any(not words.strip() for words in self.root.values()):
            raise ValueError("a text is needed here")
        return self


class Organisation(Model):
    """The public body that answers for the service."""

    id: Slug
    name: Texts


class Reference(Model):
    """A statement and where it can be read."""

    text: Texts
    reference: str


class Retention(Model):
    """How long each kind of record is kept, in days."""

    abandoned_days: int = Field(ge=1, le=365)
    submitted_days: int = Field(ge=1)
    decided_days: int = Field(ge=1)


class Option(Model):
    """One answer of a choice."""

    value: Identifier
    label: Texts
    hint: Texts | None = None


class VerifiedSource(Model):
    """Where a verified value of an attribute comes from: a scope and a claim of that scope."""

    scope: Literal["scotaccount.gpg45.medium", "scotaccount.address", "scotaccount.email"]
    claim: Identifier


class Attribute(Model):
    """One fact about the person: how it is asked, where else it comes from, what it is for."""

    type: AnswerType
    label: Texts
    purpose: Texts
    sensitivity: Literal["ordinary", "personal", "special"] = "ordinary"
    question: Texts | None = None
    hint: Texts | None = None
    missing: Texts | None = None
    options: tuple[Option, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    maximum_length: int = Field(200, ge=1, le=2000)
    verified: VerifiedSource | None = None
    freshness_days: int | None = None

    @property
    def is_asked(self) -> bool:
        """Whether there is a question for it."""
        return self.question is not None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.type in ("choose_one", "choose_many") and not self.options:
            raise ValueError("a choice needs its options")
        if len({option.value for option in self.options}) != len(self.options):
            raise ValueError("two options have the same value")
        if self.question is None and self.verified is None:
            raise ValueError("an attribute needs a question or a verified source")
        if self.type == "address" and self.question is not None:
            raise ValueError("an address cannot be asked yet: it comes from a verified source")
        return self


class Start(Model):
    """What the person needs before they begin."""

    id: Slug
    kind: Literal["start"]
    needs: tuple[Texts, ...] = ()
    time: Texts
    cost: Texts
    other_ways: Texts


class NextBest(Model):
    """Where somebody who is not eligible may find help."""

    text: Texts
    url: Annotated[str, Field(pattern=r"^(/|https://)")]


class Check(Model):
    """The anonymous eligibility check; asks what can still change the answer and nothing else."""

    id: Slug
    kind: Literal["check"]
    title: Texts
    next_best: tuple[NextBest, ...] = Field(min_length=1)
    apply_anyway: Texts | None = None


class SignIn(Model):
    """The point from which the person must be signed in."""

    id: Slug
    kind: Literal["sign_in"]
    title: Texts
    explain: Texts


class Verify(Model):
    """Proof of identity and of what the scopes name."""

    id: Slug
    kind: Literal["verify"]
    title: Texts
    explain: Texts
    scopes: tuple[Literal["scotaccount.gpg45.medium", "scotaccount.address"], ...] = Field(
        min_length=1
    )
    other_ways: Texts


class Ask(Model):
    """One question of a step, asked when its condition holds."""

    attribute: Identifier
    when: str | None = None


class Collect(Model):
    """Questions that belong together; one line of the task list."""

    id: Slug
    kind: Literal["collect"]
    title: Texts
    asks: tuple[Ask, ...] = Field(min_length=1)
    when: str | None = None


class Review(Model):
    """Check your answers, and the declaration."""

    id: Slug
    kind: Literal["review"]
    title: Texts
    declaration: Texts


Verdict = Literal["award", "refuse", "refer"]


class Decide(Model):
    """The decision by the rules; what each outcome of the rules leads to."""

    id: Slug
    kind: Literal["decide"]
    title: Texts
    outcomes: Mapping[Literal["eligible", "not_eligible", "refer", "cannot_tell"], Verdict]
    referral: Texts


Undo = Literal["cannot_be_undone"]


class Payout(Model):
    """Money to the person, through the payments service."""

    id: Slug
    kind: Literal["payout"]
    title: Texts
    payee: Identifier
    programme: Slug
    new_details_days: int = Field(90, ge=0)
    undo: Undo
    when: str | None = None


class Fact(Model):
    """A line of a letter: a label, and a value with placeholders."""

    label: Texts
    value: Texts


class Message(Model):
    """What a message to the mailbox says; its words may hold placeholders."""

    title: Texts
    non_sensitive_title: Texts
    summary: Texts
    body: tuple[Texts, ...] = Field(min_length=1)


class Issue(Model):
    """A letter to the mailbox."""

    id: Slug
    kind: Literal["issue"]
    message: Message
    facts: tuple[Fact, ...] = ()
    recipient_name: tuple[Identifier, ...] = ()
    recipient_address: Identifier | None = None
    undo: Undo
    when: str | None = None


class Notify(Model):
    """A message to the mailbox without a letter."""

    id: Slug
    kind: Literal["notify"]
    message: Message
    undo: Undo
    when: str | None = None


class Done(Model):
    """The end: what the confirmation page says happens next."""

    id: Slug
    kind: Literal["done"]
    next: tuple[Texts, ...] = Field(min_length=1)


Step = Annotated[
    Start | Check | SignIn | Verify | Collect | Review | Decide | Payout | Issue | Notify | Done,
    Field(discriminator="kind"),
]


class Expectation(Model):
    """What must come of a persona."""

    outcome: Literal["eligible", "not_eligible", "refer", "cannot_tell"]
    amount_pence: int | None = None
    pages: tuple[str, ...]
    effects: tuple[str, ...]


class Persona(Model):
    """An invented person: what they answer, what is verified, and what must come of it."""

    id: Slug
    on_date: date
    answers: Mapping[Identifier, object]
    verified: Mapping[Identifier, object] = {}
    expect: Expectation


class Once(Model):
    """How often one person may be given this: once in each year of the scheme, or once ever.

    An application that was not awarded does not count.
    """

    per: Literal["scheme_year", "ever"]
    starts: Annotated[str, Field(pattern=r"^[0-9]{2}-[0-9]{2}$")] | None = None

    @model_validator(mode="after")
    def _starts_on_a_day(self) -> Self:
        if self.per == "ever" and self.starts is not None:
            raise ValueError("ever has no first day: leave out starts")
        if self.per == "scheme_year" and self.starts is None:
            raise ValueError("a scheme year needs starts, its first day as MM-DD")
        if self.starts is not None:
            try:
                self._first_day(_ANY_YEAR, self.starts)
            except ValueError as error:
                raise ValueError("starts must be a day that every year has, as MM-DD") from error
        return self

    @staticmethod
    def _first_day(year: int, starts: str) -> date:
        month, day = starts.split("-")
        return date(year, int(month), int(day))

    def period_of(self, day: date) -> tuple[date, date] | None:
        """Return the first day of a day's scheme year and of the next one; None for ever."""
        if self.starts is None:
            return None
        first = self._first_day(day.year, self.starts)
        year = day.year if day >= first else day.year - 1
        return self._first_day(year, self.starts), self._first_day(year + 1, self.starts)


class Support(Model):
    """How people reach the body that answers for the service."""

    text: Texts
    phone: str = ""
    email: str = ""


class Definition(Model):
    """One public service, data only."""

    id: Slug
    reference_prefix: Annotated[str, Field(pattern=r"^[A-Z]{2,4}$")]
    organisation: Organisation
    phase: Literal["alpha", "beta", "live"]
    languages: Mapping[Language, Literal["complete", "partial"]] = Field(min_length=1)
    title: Texts
    summary: Texts
    support: Support
    legal_basis: Reference
    data_protection: Reference
    retention: Retention
    effective_from: date | None = None
    effective_to: date | None = None
    once: Once | None = None
    attributes: Mapping[Identifier, Attribute]
    rules: Mapping[str, object]
    catalogue: Mapping[str, object] = {}
    steps: tuple[Step, ...] = Field(min_length=1)
    personas: tuple[Persona, ...] = Field(min_length=1)
