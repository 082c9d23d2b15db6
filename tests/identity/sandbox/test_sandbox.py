"""Fictitious people at sandbox clients, orders by API, and the wall to what is live."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx2 import Response

from identity.relying_parties.options import ClientOptions
from identity.sandbox.actions import take_order
from identity.sandbox.faults import FAULTS
from identity.sandbox.personas import PERSONAS
from shared import clock
from tests.identity.oidc.world import OIDC, SCOT, World, answer_of, decode
from tests.identity.people import People, text_of

CLIENT = "sandboxscot01"
ATTRIBUTES = f"{SCOT}/attributes/values"
GPG45, ADDRESS, EMAIL = "scotaccount.gpg45.medium", "scotaccount.address", "scotaccount.email"
SCOPE = f"openid {GPG45} {ADDRESS} {EMAIL}"
SANDBOX = ClientOptions(environment="sandbox")


def follow(world: World, answer: Response) -> Response:
    """Follow redirects as a browser does until a page is shown or the client is reached."""
    for _ in range(12):
        location = answer.headers.get("location", "")
        if answer.status_code not in (302, 303) or location.startswith("https://council"):
            return answer
        answer = world.http.get(location)
    raise AssertionError("redirected in circles")


def sign_in(world: World, persona: str, issuer: str = SCOT, **changes: str | None) -> Response:
    """Sign a persona in by ``login_hint`` and return the client's answer or the last page."""
    plain = {"client_id": CLIENT, "scope": SCOPE, "login_hint": persona}
    return follow(world, world.authorize(issuer, **(plain | changes)))


def claims_of(world: World, answer: Response) -> tuple[int, dict[str, Any]]:
    """Redeem a code and return what the attributes endpoint says, by scope."""
    code = answer_of(answer).get("code")
    assert code, answer.headers["location"]
    tokens = world.redeem(code, SCOT, client_id=CLIENT).json()
    found = world.http.get(
        ATTRIBUTES,
        headers={
            "Authorization": f"Bearer {tokens['access_token']}",
            "DIS-Client-Assertion": world.assertion(CLIENT, ATTRIBUTES),
        },
    )
    if found.status_code != 200:
        return found.status_code, {}
    items: Any = decode(found.json()["claimsToken"])[1]["verified_claims"]
    return 200, {item["scope"]: item for item in items}


OUTCOMES = {
    "verified": "VERIFIED_SUCCESSFULLY",
    "verified_with_warnings": "VERIFIED_WITH_WARNINGS",
    "failed": "VERIFICATION_FAILED",
    "under_16": "VERIFICATION_FAILED",
    "deceased": "VERIFICATION_FAILED",
    "fraud_indicator": "VERIFICATION_FAILED",
    "fraud_indicator_mitigated": "VERIFIED_SUCCESSFULLY",
    "document_expired": "VERIFICATION_FAILED",
    "selfie_mismatch": "VERIFICATION_FAILED",
    "kbv_failed": "VERIFICATION_FAILED",
    "two_family_names": "VERIFIED_SUCCESSFULLY",
    "no_fixed_address": "VERIFIED_SUCCESSFULLY",
}


@pytest.mark.parametrize("persona", OUTCOMES)
def test_a_check_of_a_persona_ends_as_its_name_says(sandbox: World, persona: str) -> None:
    status, items = claims_of(sandbox, sign_in(sandbox, persona))
    assert status == 200
    assert items[GPG45]["verification"]["outcome"] == OUTCOMES[persona]
    assert ("claims" in items[GPG45]) == (OUTCOMES[persona] != "VERIFICATION_FAILED")
    if persona == "no_fixed_address":
        assert items[ADDRESS]["verification"]["outcome"] == "VERIFICATION_FAILED"
    if persona == "two_family_names":
        assert items[GPG45]["claims"]["family_name"].endswith("Ωmega")


@pytest.mark.parametrize(
    ("persona", "status", "scopes"),
    [
        ("address_declined", 200, {GPG45, EMAIL}),
        ("all_declined", 200, set()),
        ("email_only", 200, {EMAIL}),
    ],
)
def test_what_a_persona_declines_is_not_in_the_answer(
    sandbox: World, persona: str, status: int, scopes: set[str]
) -> None:
    assert claims_of(sandbox, sign_in(sandbox, persona))[0] == status
    assert set(claims_of(sandbox, sign_in(sandbox, persona, prompt="login"))[1]) == scopes


def test_of_nobody_nothing_is_known(sandbox: World) -> None:
    answer = sign_in(sandbox, "nothing_to_share", scope=f"openid {GPG45}")
    assert claims_of(sandbox, answer)[0] == 404


@pytest.mark.parametrize(
    ("persona", "error"),
    [
        ("cancel_at_sign_up", "account_selection_required"),
        ("refuse_consent", "access_denied"),
    ],
)
def test_a_persona_who_leaves_is_told_to_the_service(
    sandbox: World, persona: str, error: str
) -> None:
    assert answer_of(sign_in(sandbox, persona))["error"] == error
    assert sandbox.scalar("SELECT count(*) FROM authorisation") == 0


def test_a_flow_that_ran_out_is_a_page(sandbox: World) -> None:
    answer = sign_in(sandbox, "flow_expired")
    assert answer.status_code == 404
    assert "no longer there" in text_of(answer)


def test_a_paused_account_is_a_page_with_a_way_back(sandbox: World) -> None:
    page = sign_in(sandbox, "locked_account")
    assert "Signing in is paused" in text_of(page)
    assert "Cancel and go back" in text_of(page)


@pytest.mark.parametrize(
    ("persona", "status"),
    [
        ("provider_slow_minutes", 200),
        ("provider_slow_days", 200),
        ("provider_down", 503),
        ("manual_review_pending", 200),
    ],
)
def test_a_slow_check_is_waited_for_or_ended_by_api(
    sandbox: World, control: Callable[..., Response], persona: str, status: int
) -> None:
    page = sign_in(sandbox, persona)
    assert page.status_code == status
    assert "takes a while" in text_of(page)
    flow = sandbox.scalar("SELECT id FROM flow")
    again = sandbox.http.get(f"/identity/sandbox/check?flow={flow}")
    assert again.status_code == status
    assert control("POST", f"/flows/{flow}/finish-check").status_code == 204
    done = follow(sandbox, sandbox.http.get(f"/identity/sandbox/check?flow={flow}"))
    assert claims_of(sandbox, done)[1][GPG45]["verification"]["outcome"] == "VERIFIED_SUCCESSFULLY"


def test_every_persona_is_tried_here() -> None:
    elsewhere = {
        *("address_declined", "all_declined", "email_only", "nothing_to_share"),
        *("cancel_at_sign_up", "refuse_consent", "flow_expired", "locked_account"),
        *("provider_slow_minutes", "provider_slow_days", "provider_down"),
        "manual_review_pending",
    }
    assert set(PERSONAS) == set(OUTCOMES) | elsewhere


def test_a_person_chooses_on_a_page_and_answers_for_themselves(sandbox: World) -> None:
    people = People(sandbox)
    page = follow(sandbox, sandbox.authorize(SCOT, client_id=CLIENT, scope=SCOPE))
    assert "Choose a test person" in text_of(page)
    assert page.text.count('name="persona"') == len(PERSONAS)
    flow = sandbox.scalar("SELECT id FROM flow")
    found = sandbox.http.get(f"/identity/sandbox/sign-in?flow={flow}&q=ROBBIE address")
    assert found.text.count('name="persona"') == 1
    assert people.send(f"/identity/sandbox/sign-in?flow={flow}").status_code == 422
    chosen = people.send(f"/identity/sandbox/sign-in?flow={flow}", persona="verified")
    consent = follow(sandbox, chosen)
    assert "Choose what to share" in text_of(consent)
    assert "Ann Màiri Fictional" in text_of(consent)
    done = people.send(
        f"/identity/consent?flow={flow}",
        share_scotaccount_gpg45_medium="yes",
        share_scotaccount_address="no",
        share_scotaccount_email="no",
    )
    assert set(claims_of(sandbox, sandbox.http.get(done.headers["location"]))[1]) == {GPG45}


def test_a_second_flow_needs_no_choice(sandbox: World) -> None:
    sign_in(sandbox, "verified", scope="openid")
    answer = sandbox.authorize(SCOT, client_id=CLIENT, scope="openid")
    assert "code" in answer_of(answer)
    other = sign_in(sandbox, "deceased")
    assert claims_of(sandbox, other)[1][GPG45]["verification"]["outcome"] == "VERIFICATION_FAILED"


def test_real_people_and_fictitious_ones_never_meet(sandbox: World) -> None:
    sandbox.register()
    real = sandbox.sign_in()
    page = follow(sandbox, sandbox.authorize(SCOT, client_id=CLIENT))
    assert "Choose a test person" in text_of(page), "a real session is nobody here"
    answer = sign_in(sandbox, "verified", scope="openid")
    fictitious = decode(
        sandbox.redeem(answer_of(answer)["code"], SCOT, client_id=CLIENT).json()["id_token"]
    )[1]["sub"]
    assert "code" in answer_of(sandbox.authorize(OIDC)), "the real session lives on beside it"
    owner = sandbox.scalar("SELECT account_id FROM authorisation ORDER BY created_at DESC LIMIT 1")
    assert owner == real.account_id
    # Even the cookie in the other's place opens nothing.
    stolen = sandbox.http.cookies["clachan-sandbox"]
    sandbox.http.cookies.clear()
    sandbox.http.cookies.set("clachan-session", stolen)
    assert urlsplit(sandbox.authorize(OIDC).headers["location"]).path == "/identity/sign-in"
    sandbox.http.cookies.set("clachan-sandbox", real.cookie)
    again = follow(sandbox, sandbox.authorize(SCOT, client_id=CLIENT))
    assert "Choose a test person" in text_of(again)
    assert fictitious


def test_a_persona_has_no_password_to_be_had(sandbox: World) -> None:
    sign_in(sandbox, "verified", scope="openid")
    people = People(sandbox)
    people.send("/identity/new-password", email="verified.strathclachan@sandbox.example")
    assert sandbox.scalar("SELECT count(*) FROM attempt WHERE code_sealed IS NOT NULL") == 0


def test_live_clients_have_no_personas(sandbox: World, control: Callable[..., Response]) -> None:
    sandbox.register("liveclient001", profile="scotaccount")
    answer = sandbox.authorize(SCOT, client_id="liveclient001", login_hint="verified")
    assert urlsplit(answer.headers["location"]).path == "/identity/sign-in"
    flow = sandbox.scalar("SELECT id FROM flow")
    assert sandbox.http.get(f"/identity/sandbox/sign-in?flow={flow}").status_code == 404
    refused = control("POST", "/clients/liveclient001/orders", faults=["id_token.expired"])
    assert refused.status_code == 403
    assert control("POST", f"/flows/{flow}/finish-check").status_code == 403
    assert sandbox.scalar("SELECT count(*) FROM sandbox_plan") == 0


def test_clients_of_other_bodies_are_out_of_reach(
    sandbox: World, control: Callable[..., Response]
) -> None:
    sandbox.register(
        "sandboxscot02", profile="scotaccount", organisation="glenmore", options=SANDBOX
    )
    assert control("POST", "/clients/sandboxscot02/orders", persona="verified").status_code == 404
    assert control("GET", "/clients/sandboxscot02/orders").status_code == 404


def test_without_the_scope_the_api_is_closed(sandbox: World) -> None:
    assert sandbox.http.get("/identity/v1/sandbox/personas").status_code == 401


def test_production_has_no_sandbox_unless_it_says_so(
    sandbox: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = sandbox.http.app.routes[-1].app.state.provider  # type: ignore[attr-defined]  # the test client holds our own app
    production = provider.settings.model_copy(update={"environment": "production"})
    monkeypatch.setattr(provider, "settings", production)
    answer = answer_of(sandbox.authorize(SCOT, client_id=CLIENT))
    assert answer["error"] == "unauthorized_client"
    allowed = production.model_copy(update={"sandbox_in_production": True})
    monkeypatch.setattr(provider, "settings", allowed)
    answer_page = follow(sandbox, sandbox.authorize(SCOT, client_id=CLIENT))
    assert "Choose a test person" in text_of(answer_page)


def test_orders_are_used_up_one_by_one(sandbox: World, control: Callable[..., Response]) -> None:
    assert len(control("GET", "/personas").json()) == len(PERSONAS)
    assert {one["id"] for one in control("GET", "/faults").json()} == set(FAULTS)
    made = control("POST", f"/clients/{CLIENT}/orders", persona="failed", flows=2)
    assert made.status_code == 201
    own = control("POST", f"/clients/{CLIENT}/orders", persona="verified", state="mine")
    assert own.json()["for_one_state"] is True
    for state, outcome in (
        ("mine", "VERIFIED_SUCCESSFULLY"),
        ("x", "VERIFICATION_FAILED"),
        ("y", "VERIFICATION_FAILED"),
    ):
        answer = sign_in(sandbox, "", state=state)
        items = claims_of(sandbox, answer)[1]
        assert items[GPG45]["verification"]["outcome"] == outcome
    assert control("GET", f"/clients/{CLIENT}/orders").json() == []


def test_an_order_with_unknown_names_is_refused_whole(
    sandbox: World, control: Callable[..., Response]
) -> None:
    refused = control("POST", f"/clients/{CLIENT}/orders", persona="ghost", faults=["x.y"])
    assert refused.status_code == 422
    assert sandbox.scalar("SELECT count(*) FROM sandbox_plan") == 0


def test_orders_can_be_forgotten(sandbox: World, control: Callable[..., Response]) -> None:
    control("POST", f"/clients/{CLIENT}/orders", persona="failed", flows=9)
    assert control("DELETE", f"/clients/{CLIENT}/orders").status_code == 204
    assert control("GET", f"/clients/{CLIENT}/orders").json() == []


def test_one_order_is_taken_once(sandbox: World, control: Callable[..., Response]) -> None:
    control("POST", f"/clients/{CLIENT}/orders", persona="failed")
    with sandbox.database.transaction() as session:
        assert take_order(session, CLIENT, None, clock.now())[0] == "failed"
        assert take_order(session, CLIENT, None, clock.now())[0] is None
