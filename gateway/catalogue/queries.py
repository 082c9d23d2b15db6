"""Reads the catalogue as plain values in the reader's language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Said:
    """Words with the language they are in, which may be English where Gaelic is missing."""

    text: str
    lang: str


@dataclass(frozen=True, slots=True)
class Listing:
    """An entry as a list shows it; without a supplier the council of the place supplies it."""

    slug: str
    name: Said
    summary: Said
    organisation: str | None
    supplier: Said | None


@dataclass(frozen=True, slots=True)
class ServicePage:
    """An entry as its own page shows it; what it does not say is None or empty."""

    listing: Listing
    homepage_url: str | None
    journey_id: str | None
    action: str
    life_events: tuple[str, ...]
    lgsl_code: int | None
    facts: Mapping[str, Said]
    evidence: tuple[Said, ...]
    channels: tuple[tuple[str, Said], ...]


@dataclass(frozen=True, slots=True)
class Body:
    """A public body."""

    slug: str
    kind: str
    name: Said
    description: str
    homepage_url: str
    gss_code: str | None
    gss_code_as_published: str | None
    local_custodian_code: int | None
    fictitious: bool


class ListingRow(Protocol):
    """The columns that a listing is made of."""

    slug: str
    texts: Mapping[str, Mapping[str, str]]
    organisation_slug: str | None
    name: str | None
    name_gd: str | None


_ENTRY = text(
    """
    SELECT e.slug, e.texts, e.organisation_slug, o.name, o.name_gd, o.homepage_url, e.journey_id,
           e.life_events, e.lgsl_code
      FROM catalogue_entry e LEFT JOIN organisation o ON o.slug = e.organisation_slug
     WHERE e.slug = :slug AND e.state = 'published'
    """
)
_BODIES = text(
    """
    SELECT slug, kind, name, name_gd, description, homepage_url, gss_code, gss_code_as_published,
           local_custodian_code, fictitious
      FROM organisation
     WHERE cast(:slug AS text) IS NULL OR :slug IN (slug, gss_code, gss_code_as_published)
     ORDER BY kind DESC, name
    """
)
_FACTS = ("description", "who", "amount", "cost", "processing_time")


def say(texts: Mapping[str, str], language: str) -> Said:
    """The words in a language, else in English, else in whichever there is."""
    for lang in (language, "en", *texts):
        if texts.get(lang):
            return Said(texts[lang], lang)
    return Said("", language)


def listings(rows: Iterable[ListingRow], language: str) -> tuple[Listing, ...]:
    """Make listings of rows."""
    return tuple(_listing(row, language) for row in rows)


def _listing(row: ListingRow, language: str) -> Listing:
    supplier = None
    if row.name is not None:
        supplier = say({"en": row.name, "gd": row.name_gd or ""}, language)
    name, summary = (say(row.texts[key], language) for key in ("name", "summary"))
    return Listing(row.slug, name, summary, row.organisation_slug, supplier)


def get_service(session: Session, slug: str, language: str) -> ServicePage:
    """One published entry; raises NotFound."""
    row = session.execute(_ENTRY, {"slug": slug}).one_or_none()
    if row is None:
        raise NotFound("service_unknown", "There is no such service in the catalogue")
    texts = row.texts
    evidence = texts.get("evidence", {})
    lang = language if evidence.get(language) else "en"
    return ServicePage(
        listing=_listing(row, language),
        homepage_url=row.homepage_url,
        journey_id=row.journey_id,
        action=texts["action"],
        life_events=tuple(row.life_events),
        lgsl_code=row.lgsl_code,
        facts={name: say(texts[name], language) for name in _FACTS if name in texts},
        evidence=tuple(Said(item, lang) for item in evidence.get(lang, ())),
        channels=tuple(
            (channel["kind"], say(channel["text"], language))
            for channel in texts.get("channels", ())
        ),
    )


def list_organisations(session: Session, language: str) -> tuple[Body, ...]:
    """Every body: councils first, then the others, by name."""
    return _bodies(session, None, language)


def get_organisation(session: Session, slug: str, language: str) -> Body:
    """One body by slug or GSS code, the former code of a re-coded council too; raises NotFound."""
    found = _bodies(session, slug, language)
    if not found:
        raise NotFound("organisation_unknown", "There is no such organisation in the catalogue")
    return found[0]


def _bodies(session: Session, slug: str | None, language: str) -> tuple[Body, ...]:
    rows = session.execute(_BODIES, {"slug": slug}).mappings()
    return tuple(_body({**row}, language) for row in rows)


def _body(row: dict[str, object], language: str) -> Body:
    name = say({"en": str(row.pop("name")), "gd": str(row.pop("name_gd"))}, language)
    return Body(name=name, **row)  # type: ignore[arg-type]  # one column per field
