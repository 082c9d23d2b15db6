"""The attributes endpoint and its claimsToken (S10, S12, section 1.9)."""

from datetime import timedelta
from uuid import UUID

import pytest
from httpx2 import Response
from joserfc import jws
from joserfc.jwk import KeySet

from identity.oidc import flows
from identity.safe.actions import keep_for_flow
from identity.safe.rules import make_item
from shared import clock
from shared.ids import new_id
from tests.identity.oidc.world import SCOT, Person, World, answer_of, decode, ec_key

URL = f"{SCOT}/attributes/values"
CLIENT = "sandboxscot01"
GPG45, ADDRESS, EMAIL = "scotaccount.gpg45.medium", "scotaccount.address", "scotaccount.email"
NAMES = {"given_name": "Jean", "family_name": "Invented", "birth_date": "1960-02-03"}


@pytest.fixture
def scot(world: World) -> World:
    world.register(CLIENT, profile="scotaccount")
    return world


def share(
    world: World, person: Person, scopes: str, shared: list[str], *, outcome: str = ""
) -> dict[str, str]:
    """Go through a flow in which a check was made and some attributes are shared."""
    flow_id = UUID(
        answer_of(world.authorize(SCOT, client_id=CLIENT, scope=f"openid {scopes}"))["flow"]
    )
    now, check = clock.now(), new_id()
    found = {GPG45: NAMES, ADDRESS: {"address": {"streetName": "Example Street"}}}
    items = [
        make_item(
            scope,
            outcome=outcome or "VERIFIED_SUCCESSFULLY",
            verified_at=now,
            txn=check,
            claims=claims,
        )
        for scope, claims in found.items()
        if scope in scopes
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
        flows.record_verification_done(session, flow_id, now)
        flows.record_consent(session, flow_id, shared, now)
    code = answer_of(world.http.get(f"/identity/continue?flow={flow_id}"))["code"]
    answer = world.redeem(code, SCOT, client_id=CLIENT)
    assert answer.status_code == 200
    return answer.json()  # type: ignore[no-any-return]  # JSON of our own making


def ask(world: World, token: str, **changes: object) -> Response:
    assertion = world.assertion(CLIENT, URL, **changes)
    headers = {"Authorization": f"Bearer {token}", "DIS-Client-Assertion": assertion}
    return world.http.get(URL, headers=headers)


def items_of(answer: Response) -> list[dict[str, object]]:
    assert answer.status_code == 200, answer.text
    items = decode(answer.json()["claimsToken"])[1]["verified_claims"]
    assert isinstance(items, list)
    return items


def test_what_was_shared_comes_as_a_signed_token(scot: World) -> None:
    """S12."""
    person = scot.sign_in()
    tokens = share(scot, person, f"{GPG45} {ADDRESS}", [GPG45, ADDRESS])
    assert tokens["scope"] == f"openid {GPG45} {ADDRESS}"
    answer = ask(scot, tokens["access_token"])
    assert set(answer.json()) == {"claimsToken"}
    token = answer.json()["claimsToken"]
    assert "=" not in token
    header, payload = decode(token)
    assert header["alg"] == "RS256"
    assert "typ" not in header
    keys = KeySet.import_key_set(scot.http.get(f"{SCOT}/jwks.json").json())
    jws.deserialize_compact(token, keys.get_by_kid(str(header["kid"])), algorithms=["RS256"])
    assert payload["sub"] == decode(tokens["id_token"])[1]["sub"]
    assert payload["iss"] == f"{SCOT}/jwt"
    assert not {"exp", "aud"} & set(payload)
    items = {item["scope"]: item for item in items_of(answer)}
    assert items[GPG45]["claims"] == NAMES
    assert set(items) == {GPG45, ADDRESS}
    assert all(isinstance(item["verification"], dict) for item in items.values())


def test_a_declined_attribute_is_not_in_the_answer(scot: World) -> None:
    person = scot.sign_in()
    tokens = share(scot, person, f"{GPG45} {ADDRESS}", [ADDRESS])
    assert [item["scope"] for item in items_of(ask(scot, tokens["access_token"]))] == [ADDRESS]


def test_nothing_shared_after_a_check_is_an_empty_list(scot: World) -> None:
    """Q3."""
    person = scot.sign_in()
    tokens = share(scot, person, GPG45, [])
    assert items_of(ask(scot, tokens["access_token"])) == []


def test_a_failed_check_is_told_without_claims(scot: World) -> None:
    """Q4."""
    person = scot.sign_in()
    tokens = share(scot, person, GPG45, [GPG45], outcome="VERIFICATION_FAILED")
    (item,) = items_of(ask(scot, tokens["access_token"]))
    assert item["verification"]["outcome"] == "VERIFICATION_FAILED"  # type: ignore[index]  # another shape would fail the test
    assert "claims" not in item


def test_the_email_address_comes_from_the_account(scot: World) -> None:
    person = scot.sign_in()
    tokens = share(scot, person, EMAIL, [EMAIL])
    (item,) = items_of(ask(scot, tokens["access_token"]))
    assert item["claims"] == {"email": "jean@example.test"}


def test_the_access_token_is_good_many_times_each_with_a_new_assertion(scot: World) -> None:
    """S10."""
    person = scot.sign_in()
    token = share(scot, person, GPG45, [GPG45])["access_token"]
    for _ in range(3):
        assert ask(scot, token).status_code == 200
    assert ask(scot, token, jti="the same").status_code == 200
    assert ask(scot, token, jti="the same").status_code == 403


def test_half_year_old_habits_of_assertions_count_here_too(scot: World) -> None:
    person = scot.sign_in()
    token = share(scot, person, GPG45, [GPG45])["access_token"]
    far = int(clock.now().timestamp()) + 182 * 86_400
    assert ask(scot, token, iat=None, exp=far).status_code == 200


def test_two_flows_do_not_mix_what_they_share(scot: World) -> None:
    person = scot.sign_in()
    first = share(scot, person, f"{GPG45} {ADDRESS}", [GPG45, ADDRESS])
    second = share(scot, person, f"{GPG45} {ADDRESS}", [ADDRESS])
    assert len(items_of(ask(scot, first["access_token"]))) == 2
    assert len(items_of(ask(scot, second["access_token"]))) == 1


def test_without_attribute_scopes_the_endpoint_is_closed(scot: World) -> None:
    scot.sign_in()
    token = scot.tokens(SCOT, client_id=CLIENT)["access_token"]
    assert (ask(scot, token).status_code, ask(scot, token).json()["error"]) == (
        403,
        "access_denied",
    )


@pytest.mark.parametrize(
    ("audience", "status"),
    [(f"{SCOT}/token", 401), (SCOT, 401), (f"{URL}/", 401), ([URL], 200), (URL, 200)],
)
def test_the_assertion_is_addressed_to_exactly_this_url(
    scot: World, audience: object, status: int
) -> None:
    """S6."""
    person = scot.sign_in()
    token = share(scot, person, GPG45, [GPG45])["access_token"]
    headers = {
        "Authorization": f"Bearer {token}",
        "DIS-Client-Assertion": scot.assertion(CLIENT, audience),
    }
    assert scot.http.get(URL, headers=headers).status_code == status


def test_what_is_missing_or_foreign_is_refused(scot: World) -> None:
    scot.register("sandboxscot02", profile="scotaccount")
    person = scot.sign_in()
    token = share(scot, person, GPG45, [GPG45])["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    good = scot.assertion(CLIENT, URL)
    others = scot.assertion("sandboxscot02", URL)
    forged = scot.assertion(CLIENT, URL, key=ec_key("P-256", 9))
    cases = (
        (bearer, 401),
        ({"DIS-Client-Assertion": good}, 401),
        ({"Authorization": "Bearer x.y.z", "DIS-Client-Assertion": good}, 401),
        ({**bearer, "DIS-Client-Assertion": "x"}, 401),
        ({**bearer, "DIS-Client-Assertion": others}, 403),
        ({**bearer, "DIS-Client-Assertion": forged}, 401),
    )
    for headers, status in cases:
        answer = scot.http.get(URL, headers=headers)
        assert answer.status_code == status
        assert "claimsToken" not in answer.text


def test_an_expired_access_token_is_refused(scot: World, monkeypatch: pytest.MonkeyPatch) -> None:
    person = scot.sign_in()
    token = share(scot, person, GPG45, [GPG45])["access_token"]
    late = clock.now() + timedelta(seconds=901)
    monkeypatch.setattr(clock, "datetime", _At(late))
    assert ask(scot, token).status_code == 401


class _At:
    """A clock that stands still."""

    def __init__(self, at: object) -> None:
        self._at = at

    def now(self, _zone: object) -> object:
        return self._at


def test_a_refreshed_token_shares_no_more_than_the_flow(scot: World) -> None:
    person = scot.sign_in()
    tokens = share(scot, person, f"{GPG45} {ADDRESS}", [ADDRESS])
    again = scot.refresh(tokens["refresh_token"], SCOT, client_id=CLIENT).json()
    assert [item["scope"] for item in items_of(ask(scot, again["access_token"]))] == [ADDRESS]
