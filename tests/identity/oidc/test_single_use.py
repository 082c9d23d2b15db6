"""Codes, refresh tokens and assertions count once, however many ask at the same time."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from httpx2 import Response

from tests.identity.oidc.world import OIDC, SCOT, World, b64, decode

_PARALLEL = 16
_ROUNDS = 6


def in_parallel(work: Callable[[], Response], count: int = _PARALLEL) -> list[Response]:
    """Do a piece of work in many threads that start together; return what each got."""
    gate = threading.Barrier(count)

    def run(_number: int) -> Response:
        gate.wait()
        return work()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.committed
def test_of_sixteen_parallel_redemptions_exactly_one_succeeds(client_world: World) -> None:
    for _ in range(_ROUNDS):
        code = client_world.code()
        answers = in_parallel(lambda code=code: client_world.redeem(code))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 15}
        errors = {answer.json()["error"] for answer in answers if answer.status_code == 400}
        assert errors == {"invalid_grant"}
        won = next(answer.json() for answer in answers if answer.status_code == 200)
        refused = client_world.refresh(won["refresh_token"])
        assert refused.json()["error"] == "invalid_grant", "the family was revoked by the reuse"


@pytest.mark.committed
def test_of_sixteen_parallel_refreshes_exactly_one_succeeds(client_world: World) -> None:
    for _ in range(_ROUNDS):
        token = client_world.tokens()["refresh_token"]
        answers = in_parallel(lambda token=token: client_world.refresh(token))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 15}
        won = next(answer.json() for answer in answers if answer.status_code == 200)
        assert client_world.refresh(won["refresh_token"]).status_code == 400


@pytest.mark.committed
def test_one_assertion_in_sixteen_parallel_requests_counts_once(world: World) -> None:
    world.register("robot-service", grant_types=("client_credentials",), scopes=("payments.read",))
    for _ in range(_ROUNDS):
        assertion = world.assertion("robot-service")
        sent = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        answers = in_parallel(lambda sent=sent: world.http.post(f"{OIDC}/token", data=sent))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 15}


def test_a_replayed_code_revokes_the_access_token(client_world: World) -> None:
    code = client_world.code()
    tokens = client_world.redeem(code).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client_world.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 200
    assert client_world.redeem(code).json()["error"] == "invalid_grant"
    assert client_world.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 401


def test_a_code_in_another_clients_hands_is_worthless_and_unharmed(client_world: World) -> None:
    client_world.register("other-client")
    code = client_world.code()
    refused = client_world.redeem(code, client_id="other-client")
    assert refused.json()["error"] == "invalid_grant"
    assert client_world.redeem(code).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "https://council.example/other"},
        {"code_verifier": b64(bytes(40))},
        {"code_verifier": None},
        {"code_verifier": "short"},
        {"code": "unknown"},
    ],
)
def test_what_does_not_fit_the_code_is_refused_and_spends_nothing(
    client_world: World, wrong: dict[str, str | None]
) -> None:
    code = client_world.code()
    refused = client_world.redeem(code, **wrong)
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_grant"
    assert client_world.scalar("SELECT count(*) FROM refresh_token") == 0
    assert client_world.scalar("SELECT count(code_consumed_at) FROM authorisation") == 0
    assert client_world.redeem(code).status_code == 200


def test_an_expired_code_is_refused(client_world: World) -> None:
    code = client_world.code()
    client_world.execute("UPDATE authorisation SET code_expires_at = now() - interval '1 s'")
    assert client_world.redeem(code).json()["error"] == "invalid_grant"


def test_a_replayed_assertion_does_not_spend_the_code(client_world: World) -> None:
    used = client_world.assertion()
    assert client_world.redeem(client_world.code(), client_assertion=used).status_code == 200
    code = client_world.code()
    refused = client_world.redeem(code, client_assertion=used)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert client_world.redeem(code).status_code == 200


def test_refreshing_turns_the_token_and_keeps_the_person(client_world: World) -> None:
    first = client_world.tokens()
    second = client_world.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert decode(second["id_token"])[1]["sub"] == decode(first["id_token"])[1]["sub"]
    assert client_world.refresh(second["refresh_token"]).status_code == 200


def test_a_spent_refresh_token_ends_its_family(client_world: World) -> None:
    first = client_world.tokens()
    second = client_world.refresh(first["refresh_token"]).json()
    assert client_world.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert client_world.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_may_narrow_scopes_but_not_widen_them(client_world: World) -> None:
    client_world.register(first_party=True)
    tokens = client_world.tokens(scope="openid staff")
    wider = client_world.refresh(tokens["refresh_token"], scope="openid email")
    assert wider.json()["error"] == "invalid_grant"
    narrow = client_world.refresh(tokens["refresh_token"], scope="openid").json()
    assert narrow["scope"] == "openid"


def test_another_clients_refresh_token_is_refused_and_stays_good(client_world: World) -> None:
    client_world.register("other-client")
    token = client_world.tokens()["refresh_token"]
    assert client_world.refresh(token, client_id="other-client").status_code == 400
    assert client_world.refresh(token).status_code == 200


def test_codes_use_only_letters_that_survive_double_encoding(client_world: World) -> None:
    """S3."""
    codes = "".join(client_world.code() for _ in range(20))
    assert not set(codes) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_refresh_with_private_key_jwt_works_in_scotaccount(world: World) -> None:
    """S14."""
    world.register("sandboxscot01", profile="scotaccount")
    world.sign_in()
    tokens = world.tokens(SCOT, client_id="sandboxscot01")
    again = world.refresh(tokens["refresh_token"], SCOT, client_id="sandboxscot01")
    assert again.status_code == 200
    assert again.json()["id_token"]
