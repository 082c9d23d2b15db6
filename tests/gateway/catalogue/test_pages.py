from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from gateway.catalogue import api, pages
from shared.settings import ServiceSettings
from shared.web.app import make_api, make_pages_app, make_runtime
from shared.web.deps import get_session

HTML = Path(__file__).resolve().parents[3] / "gateway" / "html"


@pytest.fixture
def client_of(
    catalogue: Session, gateway_url: str, key_file: Path
) -> Iterator[Callable[[FastAPI], TestClient]]:
    settings = ServiceSettings(
        environment="test",
        public_url="http://localhost:8000",
        port=1,
        database_url=gateway_url,
        broker_url="redis://127.0.0.1:1/0",
        secret_key="s" * 32,
        encryption_key_file=key_file,
    )
    runtime = make_runtime("gateway", settings, HTML, service_name="Test", service_url="/")

    def make(app: FastAPI) -> TestClient:
        app.state.runtime = runtime
        app.dependency_overrides[get_session] = lambda: catalogue
        return TestClient(app)

    yield make
    runtime.database.engine.dispose()


@pytest.fixture
def people(client_of: Callable[[FastAPI], TestClient]) -> TestClient:
    app = make_pages_app("gateway")
    app.include_router(pages.router)
    return client_of(app)


@pytest.fixture
def programs(client_of: Callable[[FastAPI], TestClient]) -> TestClient:
    app = make_api("gateway", "Test")
    app.include_router(api.router)
    return client_of(app)


class Links(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs += [value for name, value in attrs if name == "href" and value]


def test_home_offers_search_life_events_and_popular_services(people: TestClient) -> None:
    page = people.get("/")
    assert page.status_code == 200
    hrefs = Links(page.text).hrefs
    assert {"/search?life_event=home-and-heating", "/services/winter-warmth"} <= set(hrefs)
    assert '<form role="search"' in page.text


def test_a_search_leads_to_the_service_and_on_to_its_journey(people: TestClient) -> None:
    hrefs = Links(people.get("/search", params={"q": "help with heating"}).text).hrefs
    results = [href for href in hrefs if href.startswith("/services/")]
    assert results[0] == "/services/winter-warmth"
    service = people.get(results[0]).text
    assert "/journeys/winter-warmth" in Links(service).hrefs
    for words in (
        "Check if you can get it",
        "Strathclachan Council",
        "£300 to £500",
        "01234 567890",
    ):
        assert words in service
    assert "Start" in people.get("/services/glenmore-repair").text


def test_what_was_typed_is_shown_as_text(people: TestClient) -> None:
    page = people.get("/search", params={"q": '<script>alert("x")</script>'})
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text


def test_nothing_found_still_leads_on(people: TestClient) -> None:
    page = people.get("/search", params={"q": "bluebadj"}).text
    assert "Nothing was found" in page or "/services/blue-badge" in page
    nothing = people.get("/search", params={"q": "zzzz qqqq", "life_event": "getting-around"}).text
    assert "Nothing was found" in nothing
    assert {"/search", "/organisations", "/search?q=zzzz+qqqq"} <= set(Links(nothing).hrefs)


def test_pages_of_results_keep_the_query_and_filters(people: TestClient) -> None:
    page = people.get("/search", params={"organisation": "glasgow"})
    assert "/search?organisation=glasgow&page=2" in Links(page.text).hrefs
    last = people.get("/search", params={"organisation": "glasgow", "page": "5"})
    assert 'aria-current="page"' in last.text
    beyond = people.get("/search", params={"page": "900"})
    assert beyond.status_code == 200


def test_a_service_of_every_council_asks_for_the_council_and_leads_to_its_website(
    people: TestClient,
) -> None:
    assert "Choose a council" in people.get("/services/report-pothole").text
    chosen = people.get("/services/report-pothole", params={"council": "glasgow"})
    assert "https://www.glasgow.gov.uk/" in Links(chosen.text).hrefs
    refused = people.get("/services/report-pothole", params={"council": ""})
    assert refused.status_code == 422
    assert "<title>Error: " in refused.text
    assert "#council" in Links(refused.text).hrefs


def test_a_council_shows_its_codes_and_is_found_by_its_former_one(people: TestClient) -> None:
    for address in ("/organisations/fife", "/organisations/S12000047", "/organisations/S12000015"):
        page = people.get(address).text
        for fact in ("Fife Council", "S12000047", "S12000015", "9066", "https://www.fife.gov.uk/"):
            assert fact in page
    assert "does not exist" in people.get("/organisations/strathclachan").text


def test_organisations_are_the_32_councils_and_the_invented_bodies_apart(
    people: TestClient,
) -> None:
    hrefs = [h for h in Links(people.get("/organisations").text).hrefs if "/organisations/" in h]
    assert len(hrefs) == 34
    assert {"/organisations/glenmore", "/organisations/strathclachan"} == set(hrefs[32:])


@pytest.mark.parametrize(
    "address",
    ["/services/nowhere", "/organisations/nowhere", "/services/a%00b", "/services/nowhere.jsonld"],
)
def test_what_is_not_there_is_not_found(people: TestClient, address: str) -> None:
    assert people.get(address).status_code == 404


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "page=99999", "organisation=%00", "life_event=a%27b"]
)
def test_odd_filters_are_refused_as_a_page(people: TestClient, query: str) -> None:
    answer = people.get(f"/search?{query}")
    assert answer.status_code == 422
    assert "<h1" in answer.text


def test_gaelic_pages_mark_what_is_still_english(people: TestClient) -> None:
    page = people.get("/services/winter-warmth?lang=gd").text
    assert '<html lang="gd">' in page
    assert "Tabhartas teasachaidh geamhraidh" in page
    assert '<span lang="en">People with a low income' in page


def test_linked_data_names_service_provider_and_channel(people: TestClient) -> None:
    answer = people.get("/services/winter-warmth.jsonld")
    assert answer.headers["content-type"] == "application/ld+json"
    data = answer.json()
    assert data["@type"] == "GovernmentService"
    assert data["provider"]["name"] == "Strathclachan Council"
    assert data["availableChannel"]["serviceUrl"].endswith("/journeys/winter-warmth")
    assert "provider" not in people.get("/services/report-pothole.jsonld").json()


def test_programs_page_through_the_same_services(programs: TestClient) -> None:
    found = programs.get("/catalogue/services", params={"search": "heating"}).json()
    assert found["contents"][0] == {
        "slug": "winter-warmth",
        "name": "Winter heating grant",
        "summary": "A payment towards heating your home in the cold months.",
        "language": "en",
        "url": "http://localhost:8000/services/winter-warmth",
        "organisation": {"slug": "strathclachan", "name": "Strathclachan Council"},
    }
    page = programs.get("/catalogue/services", params={"page": 2, "per_page": 10}).json()
    assert (page["page_number"], page["size"], page["first_page"]) == (2, 10, False)
    assert page["total_items"] == 43
    assert page["total_pages"] == 5
    refused = programs.get("/catalogue/services", params={"per_page": 501})
    assert refused.status_code == 422
    assert refused.json()["fields"][0]["field"] == "per_page"
