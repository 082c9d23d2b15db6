"""Where tokens are good (RFC 8707), and typed permissions (RFC 9396)."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.rfc9396_authorization_details import detail_types, fits, take_typed_details
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.rules import RelyingParty, is_resource
from tests.identity.oidc.grants import PAYMENT, RECORD
from tests.identity.oidc.test_at_rest import counted
from tests.identity.oidc.world import OIDC, PUBLIC_URL, SECRET, World, answer_of, decode
from tests.identity.people import People, text_of

RECORDS, TAXES = "https://records.example/api", "https://taxes.example/api"
OPTIONS = ClientOptions(
    resources=(RECORDS, TAXES), authorization_details_types=("payment_approval", "record_access")
)


@pytest.fixture
def council(world: World) -> World:
    world.register(options=OPTIONS)
    world.sign_in()
    return world


def audience(answer: Mapping[str, str]) -> object:
    return decode(answer["access_token"])[1]["aud"]


def test_a_token_is_for_the_resource_that_was_asked_for(council: World) -> None:
    assert audience(council.tokens(resource=RECORDS)) == RECORDS
    assert audience(council.tokens()) == OIDC


def test_several_resources_may_be_named_and_narrowed(council: World) -> None:
    query = {"resource": [RECORDS, TAXES]}
    code = council.code(**query)  # type: ignore[arg-type]  # a list is sent twice
    tokens = council.redeem(code, resource=TAXES).json()
    assert audience(tokens) == TAXES
    again = council.refresh(tokens["refresh_token"], resource=RECORDS).json()
    assert audience(again) == RECORDS
    both = council.refresh(again["refresh_token"]).json()
    assert audience(both) == [RECORDS, TAXES]


@pytest.mark.parametrize(
    "resource",
    ["https://elsewhere.example/", f"{RECORDS}#part", "records", f"{RECORDS}/", PUBLIC_URL],
)
def test_a_resource_that_is_not_registered_is_refused(council: World, resource: str) -> None:
    answer = answer_of(council.authorize(resource=resource))
    assert answer["error"] == "invalid_target"
    assert council.scalar("SELECT count(*) FROM authorisation") == 0


def test_a_wrong_target_at_the_token_endpoint_spends_nothing(council: World) -> None:
    code = council.code(resource=RECORDS)
    for wrong in (TAXES, "https://elsewhere.example/"):
        refused = council.redeem(code, resource=wrong)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    assert council.scalar("SELECT count(code_consumed_at) FROM authorisation") == 0
    assert council.scalar("SELECT count(*) FROM refresh_token") == 0
    tokens = council.redeem(code).json()
    refused = council.refresh(tokens["refresh_token"], resource=TAXES)
    assert refused.json()["error"] == "invalid_target"
    assert council.refresh(tokens["refresh_token"]).status_code == 200


def test_a_replayed_code_still_revokes_beside_a_resource(council: World) -> None:
    code = council.code(resource=OIDC)
    tokens = council.redeem(code).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert council.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 200
    assert council.redeem(code, resource=OIDC).json()["error"] == "invalid_grant"
    assert council.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 401


def test_a_token_for_another_place_opens_nothing_here(council: World) -> None:
    tokens = council.tokens(resource=RECORDS)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    refused = council.http.get(f"{OIDC}/userinfo", headers=bearer)
    assert refused.status_code == 401
    here = council.refresh(tokens["refresh_token"], resource=OIDC).json()
    bearer = {"Authorization": f"Bearer {here['access_token']}"}
    assert council.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 200


def service(world: World, **changes: object) -> dict[str, str]:
    world.register(
        "robot-service",
        grant_types=("client_credentials",),
        scopes=("payments.read",),
        auth_method="client_secret_post",
        **changes,
    )
    return {
        "grant_type": "client_credentials",
        "client_id": "robot-service",
        "client_secret": SECRET,
    }


def test_a_program_names_its_resource_without_a_statement(world: World) -> None:
    form = service(world, options=OPTIONS)
    world.http.post(f"{OIDC}/token", data=form)
    with counted(world) as statements:
        answer = world.http.post(f"{OIDC}/token", data=form | {"resource": RECORDS})
        plain = world.http.post(f"{OIDC}/token", data=form)
    assert audience(answer.json()) == RECORDS
    assert audience(plain.json()) == PUBLIC_URL
    # The savepoint of a narrowing request is the only thing that reaches the database.
    assert not [one for one in statements if "SAVEPOINT" not in one]
    refused = world.http.post(f"{OIDC}/token", data=form | {"resource": "https://no.example"})
    assert refused.json()["error"] == "invalid_target"


def test_a_program_cannot_have_typed_permissions(world: World) -> None:
    form = service(world, options=OPTIONS)
    refused = world.http.post(
        f"{OIDC}/token", data=form | {"authorization_details": json.dumps([RECORD])}
    )
    assert refused.json()["error"] == "invalid_authorization_details"


def agree(world: World, details: object, **changes: str) -> str:
    """Ask for details and agree on the page; returns the code."""
    begun = world.authorize(authorization_details=json.dumps(details), **changes)
    page = begun.headers["location"]
    assert page.startswith("/identity/consent"), page
    sent = People(world).send(page)
    done = world.http.get(sent.headers["location"])
    return answer_of(done)["code"]


def test_what_is_agreed_to_is_in_everything_that_is_issued(council: World) -> None:
    begun = council.authorize(authorization_details=json.dumps([PAYMENT, RECORD]))
    words = text_of(council.http.get(begun.headers["location"]))
    assert "Approve the payment of £120.50 (payment run run-7)" in words
    assert "Read your records about housing for 7 days" in words
    code = agree(council, [PAYMENT, RECORD])
    tokens = council.redeem(code).json()
    assert tokens["authorization_details"] == [PAYMENT, RECORD]
    assert decode(tokens["access_token"])[1]["authorization_details"] == [PAYMENT, RECORD]
    again = council.refresh(
        tokens["refresh_token"], authorization_details=json.dumps([RECORD])
    ).json()
    assert again["authorization_details"] == [RECORD]
    wider = council.refresh(
        again["refresh_token"], authorization_details=json.dumps([RECORD | {"days": 90}])
    )
    assert wider.json()["error"] == "invalid_authorization_details"
    assert council.refresh(again["refresh_token"]).json()["authorization_details"] == [
        PAYMENT,
        RECORD,
    ]


def test_agreement_to_details_is_never_remembered(council: World) -> None:
    agree(council, [RECORD])
    again = council.authorize(authorization_details=json.dumps([RECORD]))
    assert again.headers["location"].startswith("/identity/consent")
    silent = council.authorize(authorization_details=json.dumps([RECORD]), prompt="none")
    assert answer_of(silent)["error"] == "consent_required"


def test_a_payment_needs_a_sign_in_of_the_last_minutes(council: World) -> None:
    council.execute("UPDATE sign_in_session SET authenticated_at = now() - interval '6 minutes'")
    payment = council.authorize(authorization_details=json.dumps([PAYMENT]), max_age="100000")
    assert payment.headers["location"].startswith("/identity/sign-in")
    record = council.authorize(authorization_details=json.dumps([RECORD]))
    assert record.headers["location"].startswith("/identity/consent")


@pytest.mark.parametrize(
    "details",
    [
        "no JSON",
        "{}",
        "[]",
        "[1]",
        '[{"type": "unknown"}]',
        '[{"record": "housing"}]',
        json.dumps([RECORD | {"extra": 1}]),
        json.dumps([RECORD | {"days": 0}]),
        json.dumps([RECORD | {"days": True}]),
        json.dumps([RECORD | {"actions": []}]),
        json.dumps([RECORD | {"actions": ["write"]}]),
        json.dumps([RECORD | {"record": "secrets"}]),
        json.dumps([{"type": "record_access", "actions": ["read"]}]),
        json.dumps([PAYMENT | {"amount": "1e9"}]),
        json.dumps([PAYMENT | {"amount": "1.00\n"}]),
        json.dumps([RECORD] * 11),
    ],
    ids=lambda details: str(details)[:40],
)
def test_malformed_details_are_refused(council: World, details: str) -> None:
    answer = answer_of(council.authorize(authorization_details=details))
    assert answer["error"] == "invalid_authorization_details"
    assert council.scalar("SELECT count(*) FROM flow") == 0


def test_a_client_asks_only_for_types_of_its_registration(world: World) -> None:
    world.register(options=ClientOptions(authorization_details_types=("record_access",)))
    world.sign_in()
    answer = answer_of(world.authorize(authorization_details=json.dumps([PAYMENT])))
    assert answer["error"] == "invalid_authorization_details"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
CLIENT = RelyingParty("c", "C", "o", "oidc", "none", options=OPTIONS)


@given(st.one_of(st.text(max_size=60), st.lists(JSON, max_size=3).map(json.dumps)))
def test_whatever_comes_is_checked_or_refused(value: str) -> None:
    _take(value)


@given(
    st.sampled_from([PAYMENT, RECORD]),
    st.dictionaries(st.sampled_from([*PAYMENT, *RECORD, "x"]), JSON, max_size=3),
)
def test_whatever_a_detail_is_changed_to_is_checked_or_refused(
    detail: Mapping[str, object], changes: dict[str, object]
) -> None:
    _take(json.dumps([{**detail, **changes}]))


def _take(value: str) -> None:
    params = Parameters.of([("authorization_details", value)])
    try:
        taken = take_typed_details(CLIENT, params)
    except ProtocolError as error:
        if error.error != "invalid_authorization_details":
            raise
        return
    for one in taken:
        kind = detail_types()[str(one["type"])]
        members = kind["members"]
        assert isinstance(members, dict)
        assert all(fits(one[name], members[name]) for name in one if name != "type")


@given(st.text(max_size=60))
def test_no_text_breaks_the_check_of_a_resource(value: str) -> None:
    assert is_resource(value) in (True, False)
    assert not is_resource(f"{value}#")
