"""Mistakes on order, and what else a test program steers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import text

from identity.logout.actions import LOGOUT_TOPIC
from shared import clock
from tests.identity.oidc.onelogin import CLIENT as OL_CLIENT
from tests.identity.oidc.onelogin import CORE, P2, RETURN_CODE, OneLogin, wish
from tests.identity.oidc.world import SCOT, World, answer_of, decode
from tests.identity.people import People
from tests.identity.sandbox.test_sandbox import CLIENT, SANDBOX, follow, sign_in


def spoiled(sandbox: World, control: Callable[..., Response], fault: str) -> Response:
    control("POST", f"/clients/{CLIENT}/orders", persona="verified", faults=[fault])
    return sign_in(sandbox, "", scope="openid")


@pytest.mark.parametrize("error", ["access_denied", "server_error", "temporarily_unavailable"])
def test_an_ordered_refusal_of_the_request(
    sandbox: World, control: Callable[..., Response], error: str
) -> None:
    assert answer_of(spoiled(sandbox, control, f"authorize.{error}"))["error"] == error
    assert "code" in answer_of(sign_in(sandbox, "verified", scope="openid")), "only the next one"


@pytest.mark.parametrize(
    ("error", "status"), [("invalid_grant", 400), ("invalid_client", 401), ("server_error", 500)]
)
def test_an_ordered_refusal_of_the_token(
    sandbox: World, control: Callable[..., Response], error: str, status: int
) -> None:
    code = answer_of(spoiled(sandbox, control, f"token.{error}"))["code"]
    answer = sandbox.redeem(code, SCOT, client_id=CLIENT)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def id_token(sandbox: World, control: Callable[..., Response], fault: str) -> str:
    code = answer_of(spoiled(sandbox, control, fault))["code"]
    return str(sandbox.redeem(code, SCOT, client_id=CLIENT).json()["id_token"])


def test_ordered_mistakes_in_id_tokens_are_there(
    sandbox: World, control: Callable[..., Response]
) -> None:
    keys = sandbox.http.get(f"{SCOT}/jwks.json").json()["keys"]
    good = decode(id_token(sandbox, control, "id_token.wrong_nonce"))
    assert good[1]["nonce"] != "n/nce=="
    assert decode(id_token(sandbox, control, "id_token.wrong_aud"))[1]["aud"] != CLIENT
    assert decode(id_token(sandbox, control, "id_token.wrong_iss"))[1]["iss"] != SCOT
    assert "sub" not in decode(id_token(sandbox, control, "id_token.missing_sub"))[1]
    expired = decode(id_token(sandbox, control, "id_token.expired"))[1]["exp"]
    assert int(str(expired)) < clock.now().timestamp()
    kid = decode(id_token(sandbox, control, "id_token.unknown_kid"))[0]["kid"]
    assert kid not in {key["kid"] for key in keys}
    rotated = decode(id_token(sandbox, control, "id_token.rotated_key"))[0]["kid"]
    assert rotated == keys[1]["kid"]
    signature = id_token(sandbox, control, "id_token.wrong_signature").rpartition(".")[2]
    assert set(signature) == {"A"}


def test_a_late_logout_is_sent_late(sandbox: World, control: Callable[..., Response]) -> None:
    sandbox.register(
        CLIENT,
        profile="scotaccount",
        options=SANDBOX,
        backchannel_logout_uri="https://council.example/back",
    )
    token = id_token(sandbox, control, "logout.delayed")
    sandbox.http.get(f"{SCOT}/authorize/logout", params={"id_token_hint": token})
    due = sandbox.scalar("SELECT due_at FROM outbox WHERE topic = :t", t=LOGOUT_TOPIC)
    assert due is not None
    assert due - clock.now() > timedelta(seconds=100)  # type: ignore[operator]  # a row with this column


def test_one_login_personas_tell_return_codes(sandbox: World) -> None:
    options = replace(SANDBOX, levels_of_confidence=("P2",))
    client = OneLogin.register(sandbox, options=options, first_party=False)
    answer = client.authorize(vtr=P2, claims=wish(CORE), login_hint="deceased")
    assert answer_of(follow(sandbox, answer))["error"] == "access_denied"
    for persona, letter in (("selfie_mismatch", "V"), ("document_expired", "X")):
        answer = client.authorize(vtr=P2, claims=wish(CORE, RETURN_CODE), login_hint=persona)
        shown = client.shown(follow(sandbox, answer))
        assert shown[RETURN_CODE] == [{"code": letter}]
        assert CORE not in shown
    answer = client.authorize(vtr=P2, claims=wish(CORE), login_hint="verified")
    assert CORE in client.shown(follow(sandbox, answer))
    assert OL_CLIENT


def test_codes_are_read_for_addresses_of_nobody_only(
    sandbox: World, control: Callable[..., Response]
) -> None:
    people = People(sandbox)
    for email, status in (("tester@sandbox.example", 200), ("real@person.example", 404)):
        people.send("/identity/create-account", email=email, password="weather kettle mountain")
        found = control("GET", f"/codes?email={email}")
        assert found.status_code == status
        if status == 200:
            assert found.json()["code"] == people.newest_code()


def test_accounts_of_personas_are_apart_for_each_body(sandbox: World) -> None:
    sandbox.register(
        "sandboxscot02", profile="scotaccount", organisation="glenmore", options=SANDBOX
    )
    sign_in(sandbox, "verified", scope="openid")
    sign_in(sandbox, "verified", scope="openid", client_id="sandboxscot02")
    with sandbox.database.transaction() as session:
        rows = session.execute(text("SELECT id, sandbox_space FROM account")).all()
    assert {row.sandbox_space for row in rows} == {"strathclachan", "glenmore"}
    assert all(isinstance(row.id, UUID) for row in rows)
