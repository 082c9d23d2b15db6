import time
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey

from shared.errors import Unauthorised
from shared.tokens import KeySource, TokenVerifier, load_private_key, sign_assertion

ISSUER, AUDIENCE = "https://issuer.example", "https://api.example"
KEY = ECKey.generate_key("P-256", parameters={"kid": "one"})
OTHER = ECKey.generate_key("P-256", parameters={"kid": "two"})


class Published:
    """A key set at an address, as the issuer would serve it."""

    def __init__(self, *keys: Key) -> None:
        self.keys = list(keys)
        self.fetched = 0
        self.is_away = False

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.fetched += 1
        if self.is_away:
            return httpx.Response(503)
        return httpx.Response(200, json={"keys": [k.as_dict(private=False) for k in self.keys]})

    def source(self) -> KeySource:
        client = httpx.Client(transport=httpx.MockTransport(self))
        return KeySource(f"{ISSUER}/jwks.json", client)


def _token(key: Key = KEY, *, typ: str = "at+jwt", alg: str = "ES256", **changes: object) -> str:
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "someone",
        "client_id": "a-client",
        "scope": "things.read things.write",
        "exp": int(time.time()) + 60,
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode({"alg": alg, "kid": key.kid, "typ": typ}, claims, key, algorithms=[alg])


def test_a_good_token_tells_who_and_what() -> None:
    claims = TokenVerifier(ISSUER, AUDIENCE, Published(KEY).source()).verify(_token())
    assert claims.client_id == "a-client"
    assert claims.scopes == {"things.read", "things.write"}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        _token(exp=int(time.time()) - 60),
        _token(exp=None),
        _token(aud="https://other.example"),
        _token(iss="https://other.example"),
        _token(OTHER),
        _token(typ="JWT"),
        _token(OctKey.generate_key(256, parameters={"kid": "one"}), alg="HS256"),
        _token()[:-8] + "AAAAAAAA",
    ],
    # Names instead of the tokens themselves, which differ between the processes that share a run.
    ids=range(10),
)
def test_every_other_token_is_refused(token: str) -> None:
    verifier = TokenVerifier(ISSUER, AUDIENCE, Published(KEY).source())
    with pytest.raises(Unauthorised) as refused:
        verifier.verify(token)
    assert refused.value.status == 401


def test_an_unsigned_token_is_refused() -> None:
    head, body, _ = _token().split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"
    with pytest.raises(Unauthorised):
        TokenVerifier(ISSUER, AUDIENCE, Published(KEY).source()).verify(f"{unsigned}.{body}.")
    assert head != unsigned


def test_an_unknown_key_is_fetched_once_in_ten_seconds() -> None:
    published = Published(KEY)
    source = published.source()
    assert source.find("one") is not None
    assert source.find("two") is None
    assert source.find("three") is None
    assert published.fetched == 1


def test_keys_are_kept_while_the_issuer_is_away() -> None:
    published = Published(KEY)
    source = published.source()
    source.find("one")
    published.is_away = True
    source._fetched = -1e9
    assert source.find("one") is not None


def test_an_issuer_that_was_never_reached_is_not_the_callers_fault() -> None:
    published = Published(KEY)
    published.is_away = True
    with pytest.raises(Unauthorised) as refused:
        TokenVerifier(ISSUER, AUDIENCE, published.source()).verify(_token())
    assert refused.value.status == 503


@pytest.mark.parametrize("kind", ["elliptic", "rsa"])
def test_an_assertion_is_signed_with_either_kind_of_key(kind: str, tmp_path: Path) -> None:
    made = (
        ec.generate_private_key(ec.SECP256R1())
        if kind == "elliptic"
        else rsa.generate_private_key(65537, 2048)
    )
    path = tmp_path / "key.pem"
    path.write_bytes(
        made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    key = load_private_key(path)
    assertion = jwt.decode(
        sign_assertion(key, "me", "https://op.example"), key, algorithms=["ES256", "RS256"]
    )
    assert assertion.claims["iss"] == assertion.claims["sub"] == "me"
    assert assertion.claims["exp"] - assertion.claims["iat"] == 60
    assert assertion.header["kid"] == key.kid


def test_an_issuer_that_is_away_is_asked_once_in_ten_seconds() -> None:
    published = Published(KEY)
    source = published.source()
    assert source.find("one") is not None
    published.is_away = True
    source._tried = 0.0  # ten seconds later
    asked = published.fetched
    for _ in range(5):
        assert source.find("unknown") is None
    assert published.fetched == asked + 1
    assert source.find("one") is not None


def test_a_token_that_is_bound_to_a_key_does_not_count_in_anybodys_hands() -> None:
    verifier = TokenVerifier(ISSUER, AUDIENCE, Published(KEY).source())
    with pytest.raises(Unauthorised, match="bound"):
        verifier.verify(_token(cnf={"jkt": "some-thumbprint"}))
