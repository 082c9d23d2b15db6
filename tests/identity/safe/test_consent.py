"""Agreement item by item, remembered, seen and withdrawn."""

from urllib.parse import parse_qs, urlsplit

import pytest

from identity.caching import versioned
from identity.relying_parties.options import ClientOptions
from tests.identity.oidc.world import OIDC, World, answer_of, decode
from tests.identity.people import People, text_of


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versioned, "_CHECK_SECONDS", 0.0)


@pytest.fixture
def shop(world: World) -> People:
    """A plain client of another body, and a person who is signed in."""
    world.register(options=ClientOptions(policy_uri="https://council.example/privacy"))
    people = People(world)
    people.sign_up()
    return people


def consent(shop: People, scope: str, **answers: str) -> dict[str, str]:
    """Sign in at the client; answer what is asked; return the client's answer."""
    answer = shop.world.authorize(OIDC, scope=scope)
    where = urlsplit(answer.headers["location"])
    if where.path == "/identity/consent":
        done = shop.send(answer.headers["location"], http=None, **answers)
        assert done.status_code == 303, text_of(done)
        answer = shop.http.get(done.headers["location"])
    return answer_of(answer)


def asks(shop: People, scope: str) -> bool:
    location = shop.world.authorize(OIDC, scope=scope).headers["location"]
    return urlsplit(location).path == "/identity/consent"


def test_what_is_declined_is_not_granted_and_not_told(shop: People) -> None:
    answer = consent(shop, "openid profile email", share_profile="yes", share_email="no")
    tokens = shop.world.redeem(answer["code"]).json()
    assert tokens["scope"] == "openid profile"
    assert "email" not in decode(tokens["id_token"])[1]
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert "email" not in shop.http.get(f"{OIDC}/userinfo", headers=header).json()


def test_both_answers_are_remembered_and_more_is_asked_again(shop: People) -> None:
    consent(shop, "openid profile email", share_profile="yes", share_email="no")
    assert not asks(shop, "openid email profile")
    again = shop.world.redeem(consent(shop, "openid profile email")["code"]).json()
    assert again["scope"] == "openid profile"
    assert asks(shop, "openid profile email staff")


def test_a_changed_mind_replaces_the_answer_before(shop: People) -> None:
    consent(shop, "openid email", share_email="no")
    answer = shop.world.authorize(OIDC, scope="openid email", prompt="consent")
    done = shop.send(answer.headers["location"], share_email="yes")
    shop.http.get(done.headers["location"])
    tokens = shop.world.redeem(consent(shop, "openid email")["code"]).json()
    assert tokens["scope"] == "openid email"
    assert shop.world.scalar("SELECT declined FROM remembered_consent") == []


def test_the_page_links_to_the_services_own_words(shop: People) -> None:
    location = shop.world.authorize(OIDC, scope="openid email").headers["location"]
    page = shop.http.get(location)
    assert 'href="https://council.example/privacy"' in page.text


def test_services_are_listed_with_what_they_see(shop: People) -> None:
    consent(shop, "openid profile email", share_profile="no", share_email="yes")
    page = text_of(shop.http.get("/identity/account/services"))
    for words in ("Council service", "Your email address", "Asked for and does not see", "Since"):
        assert words in page
    assert "2026" in page or "20" in page


def test_withdrawing_ends_tokens_at_once_and_asks_again(shop: People) -> None:
    answer = consent(shop, "openid email offline_access", share_email="yes")
    unused = consent(shop, "openid email")["code"]
    tokens = shop.world.redeem(answer["code"]).json()
    question = shop.http.get("/identity/account/services/council-client/withdraw")
    assert "Your email address" in text_of(question)
    done = shop.send("/identity/account/services/council-client/withdraw")
    assert done.status_code == 303
    page = text_of(shop.http.get(done.headers["location"]))
    assert "Council service sees nothing more of you" in page
    assert "No service sees anything" in page
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert shop.http.get(f"{OIDC}/userinfo", headers=header).status_code == 401
    assert shop.world.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert shop.world.redeem(unused).json()["error"] == "invalid_grant"
    assert asks(shop, "openid email")
    assert "You withdrew what a service may see" in text_of(
        shop.http.get("/identity/account/activity")
    )


def test_nobody_withdraws_for_somebody_else(shop: People) -> None:
    consent(shop, "openid email", share_email="yes")
    shop.http.cookies.clear()
    shop.sign_up("other@person.example")
    assert shop.http.get("/identity/account/services/council-client/withdraw").status_code == 404
    assert shop.world.scalar("SELECT count(*) FROM remembered_consent") == 1


def test_the_history_is_paged_and_chosen_by_service(shop: People) -> None:
    shop.world.execute(
        "INSERT INTO sharing_event (flow_id, account_id, client_id, client_name, organisation,"
        " scopes, shared_at) SELECT gen_random_uuid(), a.id, 'c' || n % 2, 'Service ' || n % 2,"
        " 'strathclachan', '{email}', now() - n * interval '1 hour'"
        " FROM generate_series(1, 45) n, account a"
    )
    page = shop.http.get("/identity/account/sharing")
    assert page.text.count("<tr") == 21
    assert "page=3" in page.text
    last = shop.http.get("/identity/account/sharing?page=99")
    assert last.text.count("<tr") == 6
    one = shop.http.get("/identity/account/sharing?service=Service+1")
    assert "Service 0" not in text_of(one).partition("Show")[2]
    assert one.text.count("<tr") == 21


def test_single_claims_are_asked_one_by_one(shop: People) -> None:
    location = shop.world.authorize(
        OIDC, claims='{"userinfo":{"email":null,"name":null,"auth_time":null}}'
    ).headers["location"]
    assert urlsplit(location).path == "/identity/consent"
    page = shop.http.get(location).text
    assert 'name="share_email"' in page
    assert 'name="share_profile"' in page
    assert "share_auth_time" not in page
    refused = shop.send(location, share_email="yes")
    assert refused.status_code == 422
    assert shop.world.scalar("SELECT count(*) FROM remembered_consent") == 0
    done = shop.send(location, share_email="yes", share_profile="no")
    assert "code" in parse_qs(
        urlsplit(shop.http.get(done.headers["location"]).headers["location"]).query
    )
    asked = shop.world.scalar("SELECT asked FROM authorisation")
    assert list(asked["claims"]["userinfo"]) == ["email", "auth_time"]  # type: ignore[index]  # another shape would fail the test
    location = shop.world.authorize(OIDC, claims='{"userinfo":{"name":null}}').headers["location"]
    assert urlsplit(location).path == "/identity/consent", "a declined claim is never just taken"
