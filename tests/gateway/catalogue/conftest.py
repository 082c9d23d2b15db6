import pytest
from sqlalchemy.orm import Session

from gateway.catalogue.actions import load_reference, publish_entry

HEATING_GRANT: dict[str, object] = {
    "id": "winter-warmth",
    "organisation": {"id": "strathclachan"},
    "title": {"en": "Winter heating grant", "gd": "Tabhartas teasachaidh geamhraidh"},
    "summary": {
        "en": "A payment towards heating your home in the cold months.",
        "gd": "Airgead airson do dhachaigh a theasachadh anns a' gheamhradh.",
    },
    "catalogue": {
        "who": "People with a low income who pay for their own heating.",
        "amount": "£300 to £500, once each winter.",
        "evidence": ["Your bank details", "The date you were born"],
        "aliases": {
            "en": [
                "fuel grant",
                "winter fuel",
                "heating bill",
                "keep warm",
                "cannot heat my house",
            ],
            "gd": ["teasachadh"],
        },
        "life_events": ["home-and-heating", "money-and-benefits"],
        "channels": [{"kind": "phone", "text": "01234 567890"}],
        "popularity": 90,
    },
}
REPAIRS: dict[str, object] = {
    "id": "glenmore-repair",
    "organisation": "glenmore",
    "title": "Report a repair to Glenmore Housing Partnership",
    "summary": "For tenants of Glenmore.",
    "catalogue": {"action": "start", "life_events": ["home-and-heating"]},
}


@pytest.fixture
def catalogue(gateway_session: Session) -> Session:
    load_reference(gateway_session)
    publish_entry(gateway_session, HEATING_GRANT)
    publish_entry(gateway_session, REPAIRS)
    return gateway_session
