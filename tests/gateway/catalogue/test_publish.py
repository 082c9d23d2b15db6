from copy import deepcopy
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gateway.catalogue.actions import load_reference, publish_entry
from gateway.catalogue.entry import EntryError
from gateway.catalogue.queries import get_organisation, get_service
from gateway.catalogue.search import search_entries
from shared.errors import NotFound
from tests.gateway.catalogue.conftest import HEATING_GRANT

SNAPSHOT = text(
    """
    SELECT (SELECT array_agg((slug, published_at, content_hash)::text ORDER BY slug)
              FROM catalogue_entry),
           (SELECT count(*) FROM catalogue_alias), (SELECT count(*) FROM organisation),
           (SELECT count(*) FROM service_type), (SELECT count(*) FROM interaction)
    """
)


def changed(**changes: object) -> dict[str, Any]:
    definition: dict[str, Any] = deepcopy(HEATING_GRANT)
    definition["catalogue"] |= changes
    return definition


def test_reference_data_is_whole_and_loading_it_again_changes_nothing(catalogue: Session) -> None:
    before = catalogue.execute(SNAPSHOT).one()
    assert tuple(before[2:]) == (34, 75, 4)
    assert load_reference(catalogue) == 0
    assert catalogue.execute(SNAPSHOT).one() == before


def test_the_recoded_councils_carry_both_codes(catalogue: Session) -> None:
    for code in ("S12000047", "S12000015"):
        assert get_organisation(catalogue, code, "en").slug == "fife"
    codes = {
        "perth-and-kinross": "S12000048",
        "glasgow": "S12000049",
        "north-lanarkshire": "S12000050",
    }
    for slug, code in codes.items():
        body = get_organisation(catalogue, slug, "en")
        assert body.gss_code == code
        assert body.gss_code_as_published != code


def test_publishing_the_same_again_writes_nothing(catalogue: Session) -> None:
    before = catalogue.execute(SNAPSHOT).one()
    assert publish_entry(catalogue, deepcopy(HEATING_GRANT)) == "winter-warmth"
    assert catalogue.execute(SNAPSHOT).one() == before


def test_a_changed_definition_replaces_words_and_aliases(catalogue: Session) -> None:
    publish_entry(catalogue, changed(aliases=["xylophone"], who="Anybody."))
    assert search_entries(catalogue, "xylophone").entries[0].slug == "winter-warmth"
    assert get_service(catalogue, "winter-warmth", "en").facts["who"].text == "Anybody."
    aliases = catalogue.execute(
        text(
            "SELECT alias FROM catalogue_alias JOIN catalogue_entry ON id = entry_id"
            " WHERE slug = 'winter-warmth' ORDER BY alias"
        )
    ).scalars()
    assert list(aliases) == [
        "tabhartas teasachaidh geamhraidh",
        "winter heating grant",
        "xylophone",
    ]


def test_a_withdrawn_entry_is_found_nowhere(catalogue: Session) -> None:
    catalogue.execute(
        text("UPDATE catalogue_entry SET state = 'withdrawn' WHERE slug = 'winter-warmth'")
    )
    found = search_entries(catalogue, "winter heating grant", per_page=100)
    assert "winter-warmth" not in [entry.slug for entry in found.entries]
    with pytest.raises(NotFound):
        get_service(catalogue, "winter-warmth", "en")
    publish_entry(catalogue, deepcopy(HEATING_GRANT))
    assert get_service(catalogue, "winter-warmth", "en").action == "check"


@pytest.mark.parametrize(
    ("definition", "places"),
    [
        ({**HEATING_GRANT, "catalogue": None}, {"catalogue"}),
        ({**HEATING_GRANT, "title": ""}, {"catalogue.name.en"}),
        ({**HEATING_GRANT, "organisation": "atlantis"}, {"organisation"}),
        ({**HEATING_GRANT, "organisation": None}, {"id"}),
        (changed(colour="red"), {"catalogue.colour"}),
        (changed(lgsl=424242, lgil=99), {"catalogue.lgsl", "catalogue.lgil"}),
        (changed(life_events=["winning"]), {"catalogue.life_events"}),
        (changed(popularity=101, action="jump"), {"catalogue.popularity", "catalogue.action"}),
        (changed(channels=[{"kind": "owl", "text": "Hoo"}]), {"catalogue.channels.0.kind"}),
        (changed(who={"fr": "Tous"}), {"catalogue.who.fr.[key]"}),
    ],
)
def test_a_faulty_definition_is_refused_with_its_places_and_nothing_changes(
    catalogue: Session, definition: dict[str, object], places: set[str]
) -> None:
    before = catalogue.execute(SNAPSHOT).one()
    with pytest.raises(EntryError) as refusal:
        publish_entry(catalogue, definition)
    assert {fault.field for fault in refusal.value.fields} == places
    assert catalogue.execute(SNAPSHOT).one() == before
