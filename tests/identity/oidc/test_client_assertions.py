"""Client assertions in all the variety of existing clients (S4, S5, S6), and what is refused."""

import json
import time
from collections.abc import Callable

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.identity.oidc.world import (
    ASSERTION_TYPE,
    OIDC,
    SCOT,
    World,
    b64,
    ec_key,
    rsa_key,
)


def after(seconds: float, *, times: int = 1) -> Callable[[], float]:
    """Return what gives an instant so many seconds after the moment of asking."""
    return lambda: (int(time.time()) + seconds) * times


def resolved(claims: dict[str, object]) -> dict[str, object]:
    return {name: value() if callable(value) else value for name, value in claims.items()}


def service_token(world: World, assertion: str, **changes: str) -> tuple[int, str]:
    """Ask for a token by client_credentials; return status and error."""
    sent = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    } | changes
    answer = world.http.post(f"{OIDC}/token", data=sent)
    return answer.status_code, answer.json().get("error", "")


@pytest.fixture
def service(world: World) -> World:
    world.register(
        "robot-service",
        grant_types=("client_credentials",),
        scopes=("payments.read",),
        redirect_uris=(),
        sector="",
    )
    return world


@pytest.mark.parametrize("audience", [f"{OIDC}/token", OIDC, f"{OIDC}/", ["other", OIDC]])
def test_every_documented_audience_counts(service: World, audience: object) -> None:
    """S6."""
    assertion = service.assertion("robot-service", audience)
    assert service_token(service, assertion) == (200, "")


@pytest.mark.parametrize(
    "audience", ["https://elsewhere.example", SCOT, f"{OIDC}/authorize", ["a", "b"], None, 7]
)
def test_other_audiences_are_refused(service: World, audience: object) -> None:
    assertion = service.assertion("robot-service", audience)
    assert service_token(service, assertion) == (401, "invalid_client")


@pytest.mark.parametrize(
    "header",
    [{}, {"typ": "JWT"}, {"kid": ec_key().thumbprint()}, {"unknown": "member"}],
)
def test_header_variations_count(service: World, header: dict[str, object]) -> None:
    assertion = service.assertion("robot-service", header=header)
    assert service_token(service, assertion) == (200, "")


def test_without_kid_every_registered_key_is_tried(world: World) -> None:
    """S4."""
    keys = [ec_key("P-256", 1), rsa_key(1), ec_key("P-256", 2), ec_key("P-384")]
    world.register(
        "robot-service",
        grant_types=("client_credentials",),
        scopes=("payments.read",),
        jwks=[key.as_dict(private=False) for key in keys],
    )
    for key in (keys[0], keys[1], keys[2]):
        assertion = world.assertion("robot-service", key=key)
        assert service_token(world, assertion) == (200, "")


def test_the_registered_kid_counts_and_an_unknown_one_does_not(world: World) -> None:
    """S4."""
    world.register(
        "robot-service",
        grant_types=("client_credentials",),
        scopes=("payments.read",),
        jwks=[ec_key().as_dict(private=False) | {"kid": "our-key"}],
    )
    known = world.assertion("robot-service", header={"kid": "our-key"})
    assert service_token(world, known) == (200, "")
    unknown = world.assertion("robot-service", header={"kid": "nobody-knows"})
    assert service_token(world, unknown) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa_key(2), "RS256"),
        (rsa_key(2), "RS512"),
        (rsa_key(2), "PS256"),
        (rsa_key(2), "PS384"),
        (ec_key("P-384"), "ES384"),
        (ec_key("P-521"), "ES512"),
    ],
)
def test_every_algorithm_that_fits_the_key_counts(
    world: World, key: ECKey | RSAKey, algorithm: str
) -> None:
    world.register(
        "robot-service",
        grant_types=("client_credentials",),
        scopes=("payments.read",),
        jwks=[key.as_dict(private=False)],
    )
    assertion = world.assertion("robot-service", key=key, header={"alg": algorithm})
    assert service_token(world, assertion) == (200, "")


def unsigned(claims: dict[str, object]) -> str:
    header = b64(json.dumps({"alg": "none"}).encode())
    return f"{header}.{b64(json.dumps(claims).encode())}."


def test_an_unsigned_assertion_is_refused(service: World) -> None:
    claims = {
        "iss": "robot-service",
        "sub": "robot-service",
        "aud": OIDC,
        "exp": int(time.time()) + 60,
    }
    assert service_token(service, unsigned({**claims, "jti": "a"})) == (401, "invalid_client")


def test_an_assertion_signed_with_a_public_key_as_secret_is_refused(service: World) -> None:
    claims = {
        "iss": "robot-service",
        "sub": "robot-service",
        "aud": OIDC,
        "exp": int(time.time()) + 60,
    }
    from_public = jws.serialize_compact(
        {"alg": "HS256"},
        json.dumps({**claims, "jti": "a", "iat": int(time.time())}),
        _secret_of(ec_key()),
        algorithms=["HS256"],
    )
    assert service_token(service, from_public) == (401, "invalid_client")


def _secret_of(key: ECKey):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a key of any kind
    from joserfc.jwk import OctKey  # noqa: PLC0415 - used by this forgery only

    return OctKey.import_key(b64(key.as_pem(private=False)))


@pytest.mark.parametrize(
    "member",
    [
        {"jwk": ec_key("P-256", 9).as_dict(private=False)},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/chain.pem"},
    ],
)
def test_an_assertion_that_brings_its_own_key_is_refused(
    service: World, member: dict[str, object]
) -> None:
    forged = service.assertion("robot-service", key=ec_key("P-256", 9), header=member)
    assert service_token(service, forged) == (401, "invalid_client")
    honest = service.assertion("robot-service", header=member)
    assert service_token(service, honest) == (401, "invalid_client")


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "somebody-else"},
        {"sub": "somebody-else"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"exp": None},
        {"exp": after(-300)},
        {"exp": after(-300, times=1000)},
        {"exp": "soon"},
        {"exp": True},
        {"iat": after(-700)},
        {"iat": after(60)},
        {"nbf": after(60)},
        {"iat": float("nan")},
    ],
)
def test_what_an_assertion_says_wrongly_is_refused(
    service: World, wrong: dict[str, object]
) -> None:
    assertion = service.assertion("robot-service", **resolved(wrong))
    assert service_token(service, assertion) == (401, "invalid_client")
    assert service.scalar("SELECT count(*) FROM used_assertion") == 0


def test_a_few_seconds_of_difference_between_clocks_are_forgiven(service: World) -> None:
    now = int(time.time())
    assertion = service.assertion("robot-service", iat=now + 8, nbf=now + 8)
    assert service_token(service, assertion) == (200, "")


@pytest.mark.parametrize(
    "expiry",
    [
        {"exp": after(60.5)},
        {"exp": after(300)},
        {"exp": after(300, times=1000)},
        {"exp": after(182 * 86_400), "iat": None},
        {"exp": after(182 * 86_400, times=1000), "iat": None},
        {"exp": after(182 * 86_400)},
        {"exp": after(60), "iat": None, "nbf": after(0)},
    ],
)
def test_every_known_expiry_counts_beside_a_code(
    client_world: World, expiry: dict[str, object]
) -> None:
    """S5."""
    assertion = client_world.assertion(**resolved(expiry))
    assert client_world.redeem(client_world.code(), client_assertion=assertion).status_code == 200


@pytest.mark.parametrize("expiry", [{"iat": None}, {"exp": after(7200)}])
def test_undated_or_long_assertions_never_count_alone(
    service: World, expiry: dict[str, object]
) -> None:
    """S5."""
    assertion = service.assertion("robot-service", **resolved(expiry))
    assert service_token(service, assertion) == (401, "invalid_client")


def test_an_undated_assertion_is_remembered_until_it_expires(client_world: World) -> None:
    """S5."""
    assertion = client_world.assertion(iat=None, exp=after(182 * 86_400)())
    client_world.redeem(client_world.code(), client_assertion=assertion)
    kept = client_world.scalar("SELECT max(expires_at) > now() + '180 days' FROM used_assertion")
    assert kept is True


def test_an_assertion_counts_once(service: World) -> None:
    assertion = service.assertion("robot-service")
    assert service_token(service, assertion) == (200, "")
    assert service_token(service, assertion) == (401, "invalid_client")


def test_the_same_jti_of_two_clients_counts_for_each(service: World) -> None:
    service.register(
        "other-service", grant_types=("client_credentials",), scopes=("payments.read",)
    )
    for client_id in ("robot-service", "other-service"):
        assertion = service.assertion(client_id, jti="the same")
        assert service_token(service, assertion) == (200, "")


@pytest.mark.parametrize(
    "assertion", ["", "a", "a.b", "a.b.c", "x" * 20_000, "eyJhbGciOiJFUzI1NiJ9.W10.AAAA"]
)
def test_malformed_assertions_are_refused(service: World, assertion: str) -> None:
    status, error = service_token(service, assertion)
    assert (status, error) == (401, "invalid_client")


def test_the_wrong_assertion_type_is_refused(service: World) -> None:
    assertion = service.assertion("robot-service")
    refused = service_token(service, assertion, client_assertion_type="urn:other")
    assert refused == (401, "invalid_client")


def test_client_id_must_be_that_of_the_assertion(service: World) -> None:
    refused = service_token(service, service.assertion("robot-service"), client_id="other")
    assert refused == (401, "invalid_client")


def test_a_client_of_another_profile_does_not_exist_here(service: World) -> None:
    service.register("sandboxscot01", profile="scotaccount")
    refused = service_token(service, service.assertion("sandboxscot01"))
    assert refused == (401, "invalid_client")
