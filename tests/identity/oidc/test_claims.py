"""Claims that a client asks for by name (Core, section 5.5)."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from httpx2 import Response

from identity.oidc import flows
from identity.oidc.claim_names import is_as_wished
from identity.relying_parties.options import ClientOptions
from identity.safe.actions import keep_for_flow, store
from identity.safe.rules import ADDRESS_SCOPE, GPG45_SCOPE, make_item
from shared import clock
from tests.identity.oidc.world import CALLBACK, OIDC, Person, World, answer_of, decode

_SCOPES = ("openid", "profile", "email", "address", "staff")


def claims(**targets: object) -> str:
    return json.dumps(targets)


def userinfo(world: World, tokens: dict[str, str]) -> dict[str, object]:
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer: Response = world.http.get(f"{OIDC}/userinfo", headers=bearer)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]  # JSON of our own making


def agree(world: World, begun: Response, *items: str) -> str:
    """Agree on a flow's consent page to these things, and return the code."""
    flow_id = UUID(answer_of(begun)["flow"])
    with world.database.transaction() as session:
        flows.record_consent(session, flow_id, list(items), clock.now())
    return answer_of(world.http.get(f"/identity/continue?flow={flow_id}"))["code"]


def fill_safe(world: World, person: Person) -> None:
    """Put a checked identity and address into a person's safe."""
    now, txn, flow_id = clock.now(), uuid4(), uuid4()
    items = [
        make_item(
            GPG45_SCOPE,
            outcome="VERIFIED_SUCCESSFULLY",
            verified_at=now,
            txn=txn,
            claims={"given_name": "Jean Ann", "family_name": "Mac", "birth_date": "1990-02-01"},
        ),
        make_item(
            ADDRESS_SCOPE,
            outcome="VERIFIED_SUCCESSFULLY",
            verified_at=now,
            txn=txn,
            claims={
                "address": {
                    "buildingNumber": "7",
                    "streetName": "Harbour Street",
                    "addressLocality": "Strathclachan",
                    "postalCode": "ZZ1 1ZZ",
                }
            },
        ),
    ]
    with world.database.transaction() as session:
        keep_for_flow(
            session,
            world.sealer,
            account_id=person.account_id,
            flow_id=flow_id,
            items=items,
            expires_at=now + timedelta(days=1),
            now=now,
        )
        store(session, account_id=person.account_id, flow_id=flow_id, now=now)


@pytest.fixture
def asking(world: World) -> World:
    """A first-party client, which needs no agreement to plain details."""
    world.register(scopes=_SCOPES, first_party=True)
    world.sign_in()
    return world


def test_single_claims_come_where_they_were_asked_for(asking: World) -> None:
    asked = claims(id_token={"email": None}, userinfo={"locale": {"essential": True}})
    tokens = asking.tokens(claims=asked)
    assert decode(tokens["id_token"])[1]["email"] == "jean@example.test"
    assert "locale" not in decode(tokens["id_token"])[1]
    told = userinfo(asking, tokens)
    assert told["locale"] == "en"
    assert "email" not in told
    assert tokens["scope"] == "openid", "a claim by name is no scope"


def test_unknown_claims_are_passed_over_and_not_kept(asking: World) -> None:
    asked = claims(userinfo={"surprise": {"essential": True}, "locale": None}, other={"a": 1})
    tokens = asking.tokens(claims=asked)
    assert set(userinfo(asking, tokens)) == {"sub", "locale"}
    kept = asking.scalar("SELECT asked FROM authorisation")
    assert kept == {"claims": {"userinfo": {"locale": None}}}


@pytest.mark.parametrize(
    ("wish", "is_told"),
    [
        ({"value": "jean@example.test"}, True),
        ({"value": "ross@example.test"}, False),
        ({"values": ["a", "jean@example.test"]}, True),
        ({"values": ["a"]}, False),
        ({"values": []}, False),
    ],
)
def test_a_claim_with_another_value_is_left_out(
    asking: World, wish: dict[str, object], *, is_told: bool
) -> None:
    told = userinfo(asking, asking.tokens(claims=claims(userinfo={"email": wish})))
    assert ("email" in told) == is_told


def test_claims_need_the_scope_in_the_registration(world: World) -> None:
    world.register(scopes=("openid",), first_party=True)
    world.sign_in()
    told = userinfo(world, world.tokens(claims=claims(userinfo={"email": None})))
    assert set(told) == {"sub"}


def test_claims_may_be_limited_by_the_registration(world: World) -> None:
    options = ClientOptions(allowed_claims=("locale",))
    world.register(scopes=_SCOPES, first_party=True, options=options)
    world.sign_in()
    told = userinfo(world, world.tokens(claims=claims(userinfo={"email": None, "locale": None})))
    assert set(told) == {"sub", "locale"}


def test_the_person_is_asked_for_what_claims_add_and_once_only(world: World) -> None:
    world.register(scopes=_SCOPES)
    world.sign_in()
    asked = claims(userinfo={"email": None})
    begun = world.authorize(claims=asked)
    page = world.http.get(begun.headers["location"].replace("/identity/continue", ""))
    assert "/identity/consent" in begun.headers["location"]
    assert "Your email address" in page.text
    tokens = world.redeem(agree(world, begun, "email")).json()
    assert userinfo(world, tokens)["email"] == "jean@example.test"
    assert "email" in userinfo(world, world.tokens(claims=asked)), "remembered"


def test_what_the_person_declines_is_not_told(world: World) -> None:
    world.register(scopes=_SCOPES)
    world.sign_in()
    begun = world.authorize(scope="openid profile email", claims=claims(id_token={"email": None}))
    tokens = world.redeem(agree(world, begun, "profile")).json()
    assert tokens["scope"] == "openid profile"
    assert "email" not in userinfo(world, tokens)
    assert "email" not in decode(tokens["id_token"])[1]


def test_facts_of_the_safe_are_agreed_to_each_time_and_one_by_one(world: World) -> None:
    world.register(scopes=_SCOPES)
    fill_safe(world, world.sign_in())
    asked = claims(userinfo={"given_name": None, "family_name": None, "birthdate": None})
    begun = world.authorize(claims=asked)
    page = world.http.get(begun.headers["location"]).text
    assert "Jean Ann" in page
    assert "1 February 1990" in page
    tokens = world.redeem(agree(world, begun, "given_name", "family_name")).json()
    told = userinfo(world, tokens)
    assert (told["given_name"], told["family_name"]) == ("Jean Ann", "Mac")
    assert "birthdate" not in told
    assert "flow" in answer_of(world.authorize(claims=asked)), "asked again"
    assert answer_of(world.authorize(claims=asked, prompt="none"))["error"] == "consent_required"


def test_the_address_comes_in_the_shape_of_the_core_and_with_consent_only(asking: World) -> None:
    person = asking.sign_in("ross@example.test")
    fill_safe(asking, person)
    begun = asking.authorize(scope="openid address")
    assert "Harbour Street" in asking.http.get(begun.headers["location"]).text
    tokens = asking.redeem(agree(asking, begun, "address")).json()
    assert userinfo(asking, tokens)["address"] == {
        "formatted": "7 Harbour Street\nStrathclachan\nZZ1 1ZZ",
        "street_address": "7 Harbour Street",
        "locality": "Strathclachan",
        "postal_code": "ZZ1 1ZZ",
    }
    declined = asking.redeem(agree(asking, asking.authorize(scope="openid address"))).json()
    assert "address" not in userinfo(asking, declined)


def test_what_nobody_knows_is_left_out(asking: World) -> None:
    begun = asking.authorize(scope="openid address", claims=claims(id_token={"birthdate": None}))
    assert "We do not have this" in asking.http.get(begun.headers["location"]).text
    tokens = asking.redeem(agree(asking, begun, "address", "birthdate")).json()
    assert set(userinfo(asking, tokens)) == {"sub"}
    assert "birthdate" not in decode(tokens["id_token"])[1]


@pytest.mark.parametrize("target", ["id_token", "userinfo"])
def test_a_subject_that_is_not_signed_in_leads_to_sign_in(asking: World, target: str) -> None:
    mine = str(decode(asking.tokens()["id_token"])[1]["sub"])
    assert asking.code(claims=claims(**{target: {"sub": {"value": mine}}}))
    other = claims(**{target: {"sub": {"value": str(UUID(int=7))}}})
    begun = asking.authorize(claims=other)
    assert begun.headers["location"].startswith("/identity/sign-in?flow=")
    refused = answer_of(asking.authorize(claims=other, prompt="none"))
    assert refused["error"] == "login_required"


def test_another_person_who_signs_in_is_told_to_the_client(asking: World) -> None:
    begun = asking.authorize(claims=claims(id_token={"sub": {"value": str(UUID(int=7))}}))
    flow = answer_of(begun)["flow"]
    asking.sign_in("ross@example.test")
    refused = asking.http.get(f"/identity/continue?flow={flow}")
    assert refused.headers["location"].startswith(f"{CALLBACK}?error=login_required")
    assert asking.scalar("SELECT count(*) FROM authorisation") == 0


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("x" * 9000, "invalid_request"),
        ('{"userinfo": []}', "invalid_request"),
        ('{"userinfo": 0}', "invalid_request"),
        ('{"userinfo": {"email": "x"}}', "invalid_claims"),
        ('{"userinfo": {"email": {"essential": "yes"}}}', "invalid_claims"),
        ('{"userinfo": {"email": {"values": "x"}}}', "invalid_claims"),
        ('{"userinfo": {"email": {"value": NaN}}}', "invalid_request"),
        ('{"userinfo": {"email": {"value": 1e999}}}', "invalid_request"),
        ('{"userinfo": {"email": {"value": "\\u0000"}}}', "invalid_request"),
        ('{"userinfo": {"email": {"value": "\\ud800"}}}', "invalid_request"),
        ("[" * 5000, "invalid_request"),
        ("1" * 5000, "invalid_request"),
    ],
)
def test_a_broken_parameter_is_refused(asking: World, sent: str, error: str) -> None:
    assert answer_of(asking.authorize(claims=sent))["error"] == error
    assert asking.scalar("SELECT count(*) FROM authorisation") == 0


def test_null_targets_and_languages_are_tolerated(asking: World) -> None:
    assert asking.code(claims='{"userinfo": null}', claims_locales="gd en")


def test_wishes_compare_whole_values() -> None:
    assert is_as_wished("a", None)
    assert is_as_wished("a", {"essential": True})
    assert is_as_wished(True, {"value": True})
    assert not is_as_wished("a", {"value": None})
