"""The search: full text, spelling tolerance and exact names, fused by rank (section 6.4)."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from gateway.catalogue.queries import Listing, listings
from gateway.catalogue.reference import synonyms
from gateway.catalogue.rules import Terms, terms_of

PER_PAGE = 10
_DEEPEST = 200

# Each list is ranked by its own measure; an entry's score is the sum of weight / (60 + place).
# The lists are cut before they are fused, so the cost does not grow with common words. OFFSET 0
# keeps the planner on the index of the few words at hand instead of reading every entry's words.
_SEARCH = text(
    """
    WITH pool AS NOT MATERIALIZED (
      SELECT id, slug, popularity, search_en, search_gd FROM catalogue_entry
       WHERE state = 'published'
         AND (cast(:organisation AS text) IS NULL OR organisation_slug = :organisation
              OR (organisation_slug IS NULL AND :is_council))
         AND (cast(:life_event AS text) IS NULL OR :life_event = ANY (life_events))
    ),
    english AS (
      SELECT id, row_number() OVER (ORDER BY
               ts_rank('{0.05, 0.1, 0.4, 1}', search_en, to_tsquery('english', :words)) DESC,
               popularity DESC, slug) AS place
        FROM pool WHERE search_en @@ to_tsquery('english', :words)
       ORDER BY place LIMIT :deepest
    ),
    gaelic AS (
      SELECT id, row_number() OVER (ORDER BY
               ts_rank('{0.05, 0.1, 0.4, 1}', search_gd, to_tsquery('simple', :words)) DESC,
               popularity DESC, slug) AS place
        FROM pool WHERE search_gd @@ to_tsquery('simple', :words)
       ORDER BY place LIMIT :deepest
    ),
    related AS (
      SELECT id, row_number() OVER (ORDER BY
               ts_rank('{0.05, 0.1, 0.4, 1}', search_en, to_tsquery('english', :synonyms)) DESC,
               popularity DESC, slug) AS place
        FROM pool WHERE search_en @@ to_tsquery('english', :synonyms)
       ORDER BY place LIMIT :deepest
    ),
    near AS (
      SELECT word, term, similarity(word, term) AS nearness
        FROM unnest(cast(:spelt AS text[])) AS word JOIN catalogue_term ON term % word
    ),
    closest AS (
      SELECT word, term, nearness, max(nearness) OVER (PARTITION BY word) AS best,
             row_number() OVER (PARTITION BY word ORDER BY nearness DESC, term) AS place
        FROM near
    ),
    matched AS (
      SELECT entry_id, word, max(nearness) AS nearness
        FROM closest, LATERAL (
               SELECT entry_id FROM catalogue_word WHERE catalogue_word.term = closest.term OFFSET 0
             ) AS users
       WHERE place <= 5 AND nearness > 0.6 * best
       GROUP BY entry_id, word
    ),
    weighed AS (
      SELECT entry_id, nearness / ln(2 + count(*) OVER (PARTITION BY word)) AS weight FROM matched
    ),
    spelling AS (
      SELECT id, row_number() OVER (ORDER BY sum(weight) DESC, popularity DESC, slug) AS place
        FROM weighed JOIN pool ON id = entry_id
       GROUP BY id, popularity, slug ORDER BY place LIMIT :deepest
    ),
    exact AS (
      SELECT id, row_number() OVER (ORDER BY popularity DESC, slug) AS place
        FROM pool WHERE id IN (SELECT entry_id FROM catalogue_alias WHERE alias = :whole)
    ),
    places AS (
      SELECT id, place, 1.0 AS weight FROM english UNION ALL
      SELECT id, place, 1.0 FROM gaelic UNION ALL
      SELECT id, place, 0.5 FROM related UNION ALL
      SELECT id, place, 0.9 FROM spelling UNION ALL
      SELECT id, place, 3.0 FROM exact
    ),
    fused AS (SELECT id, sum(weight / (60 + place)) AS score FROM places GROUP BY id)
    SELECT e.slug, e.texts, e.organisation_slug, o.name, o.name_gd, count(*) OVER () AS total
      FROM fused JOIN catalogue_entry e USING (id)
      LEFT JOIN organisation o ON o.slug = e.organisation_slug
     ORDER BY score DESC, e.popularity DESC, e.slug
     LIMIT :limit OFFSET :offset
    """
)
_BROWSE = text(
    """
    SELECT e.slug, e.texts, e.organisation_slug, o.name, o.name_gd, count(*) OVER () AS total
      FROM catalogue_entry e LEFT JOIN organisation o ON o.slug = e.organisation_slug
     WHERE e.state = 'published'
       AND (cast(:organisation AS text) IS NULL OR e.organisation_slug = :organisation
            OR (e.organisation_slug IS NULL AND :is_council))
       AND (cast(:life_event AS text) IS NULL OR :life_event = ANY (e.life_events))
     ORDER BY e.popularity DESC, e.slug LIMIT :limit OFFSET :offset
    """
)
_SUGGEST = text(
    """
    SELECT alias FROM catalogue_alias WHERE alias % :whole
     GROUP BY alias ORDER BY similarity(alias, :whole) DESC, alias LIMIT 5
    """
)
_IS_COUNCIL = text(
    "SELECT kind = 'council' AND NOT fictitious FROM organisation WHERE slug = :slug"
)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of results; `total` counts all pages."""

    entries: tuple[Listing, ...]
    total: int
    page: int
    per_page: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.per_page))


def search_entries(
    session: Session,
    query: str,
    *,
    page: int = 1,
    per_page: int = PER_PAGE,
    organisation: str | None = None,
    life_event: str | None = None,
    language: str = "en",
) -> Found:
    """The entries that fit a query best, or all of them, the most used first, without one.

    A council's filter keeps what every council supplies. Pages count from 1.
    """
    filters = {
        "organisation": organisation,
        "is_council": _is_council(session, organisation),
        "life_event": life_event,
        "limit": per_page,
        "offset": (page - 1) * per_page,
    }
    terms = terms_of(query, synonyms())
    if terms.words:
        rows = session.execute(_SEARCH, {**filters, **_bound(terms)}).all()
    else:
        rows = session.execute(_BROWSE, filters).all()
    total = rows[0].total if rows else 0
    return Found(listings(rows, language), total, page, per_page)


def suggest_queries(session: Session, query: str) -> tuple[str, ...]:
    """Names that look like a query which found nothing, the most alike first."""
    whole = terms_of(query, {}).whole
    return tuple(session.execute(_SUGGEST, {"whole": whole}).scalars()) if whole else ()


def _bound(terms: Terms) -> dict[str, object]:
    return {
        "whole": terms.whole,
        "words": " | ".join(terms.words),
        "synonyms": " | ".join(terms.synonyms),
        "spelt": list(terms.spelt),
        "deepest": _DEEPEST,
    }


def _is_council(session: Session, organisation: str | None) -> bool:
    if organisation is None:
        return False
    return bool(session.execute(_IS_COUNCIL, {"slug": organisation}).scalar_one_or_none())
