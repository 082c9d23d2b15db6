"""Writes the catalogue: the reference data, and the entry of each service definition."""

import json
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from gateway.catalogue.entry import Entry, EntryError, entry_from
from gateway.catalogue.reference import general_entries, life_events, records_of, rows_of
from gateway.catalogue.rules import fold, words_of
from shared.errors import FieldError
from shared.ids import new_id

_SAVE_ORGANISATION = text(
    """
    INSERT INTO organisation (slug, kind, name, name_gd, description, homepage_url, gss_code,
                              gss_code_as_published, local_custodian_code, fictitious)
    VALUES (:slug, :kind, :name, :name_gd, :description, :homepage_url, :gss_code,
            :gss_code_as_published, :local_custodian_code, :fictitious)
    ON CONFLICT (slug) DO UPDATE SET
      kind = excluded.kind, name = excluded.name, name_gd = excluded.name_gd,
      description = excluded.description, homepage_url = excluded.homepage_url,
      gss_code = excluded.gss_code, gss_code_as_published = excluded.gss_code_as_published,
      local_custodian_code = excluded.local_custodian_code, fictitious = excluded.fictitious
    """
)
_SAVE_SERVICE_TYPE = text(
    """
    INSERT INTO service_type (lgsl_code, slug, label, lgil_codes)
    VALUES (:lgsl_code, :slug, :label, :lgil_codes)
    ON CONFLICT (lgsl_code) DO UPDATE SET
      slug = excluded.slug, label = excluded.label, lgil_codes = excluded.lgil_codes
    """
)
_SAVE_INTERACTION = text(
    """
    INSERT INTO interaction (lgil_code, slug) VALUES (:lgil_code, :slug)
    ON CONFLICT (lgil_code) DO UPDATE SET slug = excluded.slug
    """
)
# No row comes back when the entry is published already, word for word.
_SAVE_ENTRY = text(
    """
    INSERT INTO catalogue_entry AS kept
      (id, slug, state, organisation_slug, journey_id, lgsl_code, lgil_code, life_events,
       popularity, texts, search_en, search_gd, content_hash)
    VALUES
      (:id, :slug, 'published', :organisation, :journey_id, :lgsl, :lgil, :life_events,
       :popularity, cast(:texts AS jsonb),
       setweight(to_tsvector('english', :names_en), 'A')
         || setweight(to_tsvector('english', :summary_en), 'B')
         || setweight(to_tsvector('english', :body_en), 'C'),
       setweight(to_tsvector('simple', :names_gd), 'A')
         || setweight(to_tsvector('simple', :summary_gd), 'B')
         || setweight(to_tsvector('simple', :body_gd), 'C'),
       :content_hash)
    ON CONFLICT (slug) DO UPDATE SET
      state = 'published', organisation_slug = excluded.organisation_slug,
      journey_id = excluded.journey_id, lgsl_code = excluded.lgsl_code,
      lgil_code = excluded.lgil_code, life_events = excluded.life_events,
      popularity = excluded.popularity, texts = excluded.texts,
      search_en = excluded.search_en, search_gd = excluded.search_gd,
      content_hash = excluded.content_hash, published_at = now()
    WHERE kept.content_hash <> excluded.content_hash OR kept.state <> 'published'
    RETURNING id
    """
)
_DROP_ALIASES = text("DELETE FROM catalogue_alias WHERE entry_id = :id")
_SAVE_ALIAS = text(
    "INSERT INTO catalogue_alias (entry_id, alias) VALUES (:id, :alias) ON CONFLICT DO NOTHING"
)
_DROP_WORDS = text("DELETE FROM catalogue_word WHERE entry_id = :id")
_SAVE_TERM = text("INSERT INTO catalogue_term (term) VALUES (:term) ON CONFLICT DO NOTHING")
_SAVE_WORD = text("INSERT INTO catalogue_word (term, entry_id) VALUES (:term, :id)")


def publish_entry(session: Session, definition: Mapping[str, object]) -> str:
    """Publish the catalogue entry of a service definition and return its slug.

    Publishing the same definition again writes nothing. Raises EntryError with every fault of the
    `catalogue` part, and for a body, service type or life event that the catalogue does not know.
    """
    entry = entry_from(definition)
    _check_references(session, entry)
    save_entry(session, entry)
    return entry.slug


def save_entry(session: Session, entry: Entry) -> bool:
    """Write an entry with its search words; False when it was published already as it is."""
    names_en, summary_en, body_en = (fold(part) for part in entry.words("en"))
    names_gd, summary_gd, body_gd = (fold(part) for part in entry.words("gd"))
    saved = session.execute(
        _SAVE_ENTRY,
        {
            "id": new_id(),
            "slug": entry.slug,
            "organisation": entry.organisation,
            "journey_id": entry.journey_id,
            "lgsl": entry.section.lgsl,
            "lgil": entry.section.lgil,
            "life_events": list(entry.section.life_events),
            "popularity": entry.section.popularity,
            "texts": json.dumps(entry.texts),
            "names_en": names_en,
            "summary_en": summary_en,
            "body_en": body_en,
            "names_gd": names_gd,
            "summary_gd": summary_gd,
            "body_gd": body_gd,
            "content_hash": entry.content_hash,
        },
    ).scalar_one_or_none()
    if saved is None:
        return False
    session.execute(_DROP_ALIASES, {"id": saved})
    session.execute(_SAVE_ALIAS, [{"id": saved, "alias": fold(name)} for name in entry.names()])
    # In one order everywhere, so that two publications never wait for each other's words.
    words = [{"id": saved, "term": term} for term in sorted(words_of(" ".join(entry.names())))]
    session.execute(_DROP_WORDS, {"id": saved})
    if words:
        session.execute(_SAVE_TERM, words)
        session.execute(_SAVE_WORD, words)
    return True


def load_reference(session: Session) -> int:
    """Bring bodies, service types and general entries to what the files say.

    Returns how many entries changed; a second call changes nothing.
    """
    session.execute(_SAVE_ORGANISATION, [*_councils(), *_bodies()])
    session.execute(_SAVE_INTERACTION, [_numbers(row, "lgil_code") for row in rows_of("lgil.csv")])
    session.execute(
        _SAVE_SERVICE_TYPE,
        [
            {
                **_numbers(row, "lgsl_code"),
                "lgil_codes": [int(code) for code in row["lgil_codes_seen"].split()],
            }
            for row in rows_of("lgsl.csv")
        ],
    )
    return sum(save_entry(session, entry) for entry in general_entries())


def _numbers(row: Mapping[str, str], key: str) -> dict[str, object]:
    return {**row, key: int(row[key])}


def _councils() -> list[dict[str, object]]:
    return [
        {
            **_numbers(row, "local_custodian_code"),
            "kind": "council",
            "name_gd": "",
            "description": "",
            "fictitious": False,
        }
        for row in rows_of("councils.csv")
    ]


def _bodies() -> list[dict[str, object]]:
    codes = dict.fromkeys(("gss_code", "gss_code_as_published", "local_custodian_code"))
    return [
        {"name_gd": "", **codes, **record, "fictitious": True}
        for record in records_of("organisations.yaml")
    ]


_KNOWN = text(
    """
    SELECT EXISTS (SELECT FROM organisation WHERE slug = :organisation),
           EXISTS (SELECT FROM service_type WHERE lgsl_code = :lgsl),
           EXISTS (SELECT FROM interaction WHERE lgil_code = :lgil)
    """
)


def _check_references(session: Session, entry: Entry) -> None:
    section = entry.section
    sought = {"organisation": entry.organisation, "lgsl": section.lgsl, "lgil": section.lgil}
    organisation, service_type, interaction = session.execute(_KNOWN, sought).one()
    faults = []
    if not organisation:
        faults.append(FieldError("organisation", f"{entry.organisation!r} is not a known body"))
    if section.lgsl is not None and not service_type:
        faults.append(FieldError("catalogue.lgsl", f"{section.lgsl} is not a known service type"))
    if section.lgil is not None and not interaction:
        faults.append(FieldError("catalogue.lgil", f"{section.lgil} is not a known interaction"))
    strange = [name for name in section.life_events if name not in life_events()]
    faults += [FieldError("catalogue.life_events", f"{name!r} is not known") for name in strange]
    if faults:
        raise EntryError(tuple(faults))
