"""Answers that bring tokens through the browser (Core, sections 3.2 and 3.3)."""

import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from identity.oidc.core_id_token import half_hash
from identity.oidc.oauth_response_types import canonical_type, default_mode
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import RESPONSE_TYPES
from tests.identity.oidc.world import CALLBACK, OIDC, World, answer_of, b64, decode

FRONT = tuple(one for one in RESPONSE_TYPES if one != "code")
OPEN = ClientOptions(response_types=RESPONSE_TYPES)


def left_half(value: str) -> str:
    return b64(hashlib.sha256(value.encode()).digest()[:16])


@pytest.fixture
def front(world: World) -> World:
    world.register(options=OPEN, pkce="exempt")
    world.sign_in()
    return world


@pytest.mark.parametrize("response_type", FRONT)
def test_each_type_brings_what_its_words_say_in_the_fragment(
    front: World, response_type: str
) -> None:
    answer = front.authorize(response_type=response_type)
    location = urlsplit(answer.headers["location"])
    assert not location.query
    given = {name: values[0] for name, values in parse_qs(location.fragment).items()}
    words = set(response_type.split())
    assert ("code" in given) == ("code" in words)
    assert ("id_token" in given) == ("id_token" in words)
    assert ("access_token" in given) == ("token" in words)
    assert (given["state"], given["iss"]) == ("st=te==", OIDC)
    if "token" in words:
        assert (given["token_type"], given["expires_in"]) == ("Bearer", "900")


@pytest.mark.parametrize(
    "response_type", ["id_token token", "code id_token", "code id_token token"]
)
def test_the_id_token_is_tied_to_what_came_with_it(front: World, response_type: str) -> None:
    given = answer_of(front.authorize(response_type=response_type))
    claims = decode(given["id_token"])[1]
    assert claims["nonce"] == "n/nce=="
    assert claims["s_hash"] == left_half("st=te==")
    assert claims.get("c_hash") == (left_half(given["code"]) if "code" in given else None)
    token = given.get("access_token")
    assert claims.get("at_hash") == (left_half(token) if token else None)


def test_the_code_of_a_hybrid_answer_gives_the_same_person(front: World) -> None:
    given = answer_of(front.authorize(response_type="code id_token"))
    tokens = front.redeem(given["code"]).json()
    first, second = decode(given["id_token"])[1], decode(tokens["id_token"])[1]
    assert all(first[name] == second[name] for name in ("iss", "sub", "aud", "nonce"))
    assert second["at_hash"] == left_half(tokens["access_token"])


def test_the_access_token_of_an_answer_works_and_falls_with_a_replayed_code(front: World) -> None:
    given = answer_of(front.authorize(response_type="code token"))
    bearer = {"Authorization": f"Bearer {given['access_token']}"}
    assert front.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 200
    assert front.redeem(given["code"]).status_code == 200
    assert front.redeem(given["code"]).status_code == 400
    assert front.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 401


def test_an_answer_without_a_code_leaves_none_behind(front: World) -> None:
    front.authorize(response_type="id_token token")
    assert front.scalar("SELECT count(*) FROM authorisation WHERE code_consumed_at IS NULL") == 0


def test_without_an_access_token_scopes_are_answered_in_the_id_token(world: World) -> None:
    """Core, section 5.4; else they are left to UserInfo."""
    world.register(options=OPEN, first_party=True)
    world.sign_in()
    alone = answer_of(world.authorize(response_type="id_token", scope="openid email"))
    assert decode(alone["id_token"])[1]["email"] == "jean@example.test"
    both = answer_of(world.authorize(response_type="id_token token", scope="openid email"))
    assert "email" not in decode(both["id_token"])[1]
    assert "email" not in decode(world.tokens(scope="openid email")["id_token"])[1]


@pytest.mark.parametrize("response_type", FRONT)
def test_types_that_are_not_registered_are_refused_in_the_fragment(
    client_world: World, response_type: str
) -> None:
    answer = client_world.authorize(response_type=response_type)
    location = urlsplit(answer.headers["location"])
    assert not location.query
    given = answer_of(answer)
    assert (given["error"], given["state"]) == ("unauthorized_client", "st=te==")
    assert client_world.scalar("SELECT count(*) FROM authorisation") == 0


@pytest.mark.parametrize("response_type", FRONT)
def test_tokens_are_never_put_into_a_query(front: World, response_type: str) -> None:
    answer = front.authorize(response_type=response_type, response_mode="query")
    assert not urlsplit(answer.headers["location"]).query
    assert answer_of(answer)["error"] == "invalid_request"


@pytest.mark.parametrize("response_type", [one for one in FRONT if "id_token" in one])
def test_an_id_token_through_the_browser_needs_a_nonce(front: World, response_type: str) -> None:
    given = answer_of(front.authorize(response_type=response_type, nonce=None))
    assert given["error"] == "invalid_request"
    assert "nonce" in given["error_description"]
    assert front.scalar("SELECT count(*) FROM authorisation") == 0


def test_a_code_may_travel_in_the_fragment(front: World) -> None:
    location = front.authorize(response_mode="fragment").headers["location"]
    assert location.startswith(f"{CALLBACK}#code=")


@pytest.mark.parametrize("response_type", FRONT)
def test_prompt_none_answers_and_refuses_in_the_same_way(front: World, response_type: str) -> None:
    given = answer_of(front.authorize(response_type=response_type, prompt="none"))
    assert {"code", "id_token", "access_token"} & set(given)
    front.http.cookies.clear()
    refused = front.authorize(response_type=response_type, prompt="none")
    assert urlsplit(refused.headers["location"]).fragment.startswith("error=login_required")


@pytest.mark.parametrize("response_type", FRONT)
def test_form_post_carries_tokens_in_fields(front: World, response_type: str) -> None:
    answer = front.authorize(response_type=response_type, response_mode="form_post")
    assert answer.status_code == 200
    for word, field in (("code", "code"), ("id_token", "id_token"), ("token", "access_token")):
        expected = word in response_type.split()
        assert (f'name="{field}"' in answer.text) == expected
    assert answer.text.count("<script") == 1, "only what every page loads"


def test_pkce_is_asked_of_types_with_a_code_only(world: World) -> None:
    world.register(options=OPEN)
    world.sign_in()
    refused, given = (
        answer_of(
            world.authorize(
                response_type=response_type, code_challenge=None, code_challenge_method=None
            )
        )
        for response_type in ("code id_token", "id_token")
    )
    assert refused["error"] == "invalid_request"
    assert "id_token" in given


def test_a_hybrid_flow_over_pages_ends_in_the_fragment(front: World) -> None:
    """What was asked for survives the person's steps."""
    begun = front.authorize(response_type="code id_token", prompt="consent")
    flow = answer_of(begun)["flow"]
    front.execute("UPDATE flow SET consented_at = now(), shared_scopes = '{}'")
    back = front.http.get(f"/identity/continue?flow={flow}")
    location = urlsplit(back.headers["location"])
    assert not location.query
    assert {"code", "id_token"} <= set(parse_qs(location.fragment))


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("code", "code"),
        ("token id_token code", "code id_token token"),
        ("token  id_token", "id_token token"),
        ("code code", "code code"),
        ("none", "none"),
        ("code none", "code none"),
    ],
)
def test_the_order_of_words_does_not_matter(written: str, canonical: str) -> None:
    assert canonical_type(written) == canonical


def test_the_default_mode_follows_the_type() -> None:
    assert default_mode("code") == default_mode(None) == "query"
    assert all(default_mode(one) == "fragment" for one in FRONT)


@pytest.mark.parametrize(
    ("algorithm", "digest", "half"),
    [
        ("ES256", "sha256", 16),
        ("PS256", "sha256", 16),
        ("ES384", "sha384", 24),
        ("RS512", "sha512", 32),
        ("EdDSA", "sha512", 32),
    ],
)
def test_half_hashes_follow_the_signature(algorithm: str, digest: str, half: int) -> None:
    expected = b64(hashlib.new(digest, b"abc").digest()[:half])
    assert half_hash("abc", algorithm) == expected
