"""Whatever is sent to the authorization endpoint: no failure of ours, and no wrong address."""

import json
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import RESPONSE_TYPES
from tests.identity.oidc.world import CALLBACK, OIDC, World, challenge_of

_FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_TEXT = st.text(max_size=40)
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | _TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            _TEXT | st.sampled_from(["essential", "value", "values", "email", "sub", "acr"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_CLAIMS = st.dictionaries(st.sampled_from(["userinfo", "id_token", "x"]), _JSON, max_size=3)
_KNOWN: dict[str, st.SearchStrategy[str]] = {
    "client_id": st.sampled_from(["council-client", "nobody"]) | _TEXT,
    "redirect_uri": st.sampled_from(
        [CALLBACK, f"{CALLBACK}@evil.example", "//evil.example", "https://evil.example", "/x"]
    )
    | _TEXT,
    "response_type": st.sampled_from([*RESPONSE_TYPES, "token", "none", "code code"]) | _TEXT,
    "response_mode": st.sampled_from(["query", "fragment", "form_post", "jwt", "query.jwt"])
    | _TEXT,
    "scope": st.sampled_from(["openid", "openid email", "openid address profile"]) | _TEXT,
    "state": _TEXT,
    "nonce": _TEXT,
    "code_challenge": st.just(challenge_of("a" * 43)) | _TEXT,
    "code_challenge_method": st.sampled_from(["S256", "plain"]) | _TEXT,
    "prompt": st.sampled_from(["none", "login", "consent", "create", "none login"]) | _TEXT,
    "max_age": st.integers().map(str) | _TEXT,
    "acr_values": st.sampled_from(["high", "low", "medium"]) | _TEXT,
    "claims": _CLAIMS.map(json.dumps) | _TEXT,
    "id_token_hint": _TEXT | st.just("a.b.c"),
    "login_hint": _TEXT,
    "ui_locales": st.sampled_from(["gd", "en gd", "-"]) | _TEXT,
    "display": _TEXT,
    "request": _TEXT | st.just("eyJhbGciOiJub25lIn0.e30."),
    "request_uri": _TEXT | st.just("https://evil.example/r"),
}
_PAGES = {
    f"/identity/{page}"
    for page in ("sign-in", "create-account", "consent", "confirm", "step-up", "verify")
}
_PARAMETERS = st.fixed_dictionaries({}, optional=_KNOWN)


@pytest.fixture
def fuzzed(world: World) -> World:
    world.register(
        options=ClientOptions(response_types=RESPONSE_TYPES),
        scopes=("openid", "profile", "email", "address"),
        pkce="exempt",
    )
    world.sign_in()
    return world


def check_answer(world: World, pairs: dict[str, str]) -> None:
    """Refuse a failure of ours, and an answer that leads anywhere but where it may."""
    answer = world.http.get(f"{OIDC}/authorize?{urlencode(pairs, errors='surrogatepass')}")
    assert answer.status_code < 500, answer.text
    location = answer.headers.get("location")
    if location is None:
        form = f'action="{CALLBACK}"' in answer.text
        assert answer.status_code == 400 or form
        assert answer.text.count("<form") <= 1 or "evil.example" not in answer.text
        return
    target = urlsplit(location)
    if target.netloc:
        assert f"{target.scheme}://{target.netloc}{target.path}" == CALLBACK
    else:
        assert target.path in _PAGES


@_FUZZ
@given(pairs=_PARAMETERS)
def test_no_set_of_parameters_breaks_anything(fuzzed: World, pairs: dict[str, str]) -> None:
    check_answer(fuzzed, pairs)


@_FUZZ
@given(pairs=_PARAMETERS)
def test_nor_does_one_beside_a_good_request(fuzzed: World, pairs: dict[str, str]) -> None:
    good = {
        "client_id": "council-client",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "nonce": "n",
    }
    check_answer(fuzzed, good | pairs)


@_FUZZ
@given(claims=_CLAIMS.map(json.dumps) | st.text(max_size=200))
def test_no_claims_parameter_breaks_anything(fuzzed: World, claims: str) -> None:
    good = {
        "client_id": "council-client",
        "redirect_uri": CALLBACK,
        "response_type": "id_token token",
        "scope": "openid",
        "nonce": "n",
    }
    check_answer(fuzzed, good | {"claims": claims})
