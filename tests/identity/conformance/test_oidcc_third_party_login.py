"""The modules of oidcc-3rdparty-init-login-certification-test-plan."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.identity.oidc.world import OIDC
from tests.identity.registrar import Registrar

START = "https://council.example/start"


def test_oidcc_3rd_party_init_login(registrar: Registrar) -> None:
    client = registrar.register(initiate_login_uri=START)
    assert client.about["initiate_login_uri"] == START
    answer = registrar.world.http.get(f"/identity/start/{client.id}")
    place = urlsplit(answer.headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == START
    assert parse_qs(place.query) == {"iss": [OIDC]}


def test_oidcc_3rd_party_init_login_nohttps(registrar: Registrar) -> None:
    refused = registrar.refusal(initiate_login_uri="http://council.example/start")
    assert refused == "invalid_client_metadata"


def test_the_target_is_an_address_of_the_service(registrar: Registrar) -> None:
    client = registrar.register(initiate_login_uri=f"{START}?from=us")
    path = f"/identity/start/{client.id}"
    good = registrar.world.http.get(
        path, params={"target_link_uri": "https://council.example/a?b=c"}
    )
    assert parse_qs(urlsplit(good.headers["location"]).query) == {
        "from": ["us"],
        "iss": [OIDC],
        "target_link_uri": ["https://council.example/a?b=c"],
    }


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "https://council.example@evil.example/",
        "http://council.example/",
        "javascript:alert(1)",
        "https://council.example:x/",
    ],
)
def test_nobody_is_led_elsewhere(registrar: Registrar, target: str) -> None:
    client = registrar.register(initiate_login_uri=START)
    path = f"/identity/start/{client.id}"
    answer = registrar.world.http.get(path, params={"target_link_uri": target})
    assert answer.status_code == 422
    assert "location" not in answer.headers


def test_a_service_without_such_an_address_is_shown(registrar: Registrar) -> None:
    shown = registrar.register(client_uri="https://council.example/home")
    answer = registrar.world.http.get(f"/identity/start/{shown.id}")
    assert answer.headers["location"] == "https://council.example/home"
    for unknown in (registrar.register().id, "nobody"):
        assert registrar.world.http.get(f"/identity/start/{unknown}").status_code == 404


def test_the_account_page_leads_to_the_services_of_the_session(registrar: Registrar) -> None:
    client = registrar.register(initiate_login_uri=START, client_name="Glenmore <repairs>")
    client.tokens()
    page = registrar.world.http.get("/identity/account").text
    assert f'<a href="/identity/start/{client.id}">Go to Glenmore &lt;repairs&gt;</a>' in page
