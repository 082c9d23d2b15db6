"""FAPI-CIBA: the modules of fapi-ciba-id1 about signed requests that are not good."""

import pytest

from tests.identity.conformance.ciba_client import CibaClient, client_of
from tests.identity.conformance.strict_client import now
from tests.identity.oidc.world import World, ec_key, rsa_key
from tests.support.outside import Outside


@pytest.fixture(params=["jwt-poll", "strict-ping"])
def one(world: World, outside: Outside, request: pytest.FixtureRequest) -> CibaClient:
    """One client of each issuer: neither mode nor authentication changes what is refused."""
    return client_of(world, outside, request.param)


def test_fapi_ciba_id1_ensure_request_object_missing_aud_fails(one: CibaClient) -> None:
    one.refuses(one.object(aud=None))


def test_fapi_ciba_id1_ensure_request_object_bad_aud_fails(one: CibaClient) -> None:
    one.refuses(one.object(aud="https://other.example"))


def test_fapi_ciba_id1_ensure_request_object_missing_iss_fails(one: CibaClient) -> None:
    one.refuses(one.object(iss=None))


def test_fapi_ciba_id1_ensure_request_object_bad_iss_fails(one: CibaClient) -> None:
    one.refuses(one.object(iss="https://other.example"))


def test_fapi_ciba_id1_ensure_request_object_missing_exp_fails(one: CibaClient) -> None:
    one.refuses(one.object(exp=None))


def test_fapi_ciba_id1_ensure_request_object_expired_exp_fails(one: CibaClient) -> None:
    one.refuses(one.object(exp=now() - 300))


def test_fapi_ciba_id1_ensure_request_object_exp_is_70_minutes_in_future_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(exp=now() + 70 * 60))


def test_fapi_ciba_id1_ensure_request_object_missing_iat_fails(one: CibaClient) -> None:
    one.refuses(one.object(iat=None))


def test_fapi_ciba_id1_ensure_request_object_missing_nbf_fails(one: CibaClient) -> None:
    one.refuses(one.object(nbf=None))


def test_fapi_ciba_id1_ensure_request_object_nbf_is_10_minutes_in_future_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(nbf=now() + 600, exp=now() + 900))


def test_fapi_ciba_id1_ensure_request_object_nbf_is_70_minutes_in_past_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(nbf=now() - 70 * 60))


def test_fapi_ciba_id1_ensure_request_object_missing_jti_fails(one: CibaClient) -> None:
    one.refuses(one.object(jti=None))


def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_none_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(alg="none"))


def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_bad_fails(
    one: CibaClient,
) -> None:
    header, payload, signature = one.object().split(".")
    one.refuses(f"{header}.{payload}.{signature[::-1]}")
    wrong = one.object(alg="ES384", key=ec_key("P-384"))
    one.refuses(wrong)


def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_rs256_fails(
    one: CibaClient,
) -> None:
    one.rs256_credentials()  # registers the RSA key, so that only the algorithm is wrong
    one.refuses(one.object(alg="RS256", key=rsa_key(2)))


def test_fapi_ciba_id1_ensure_request_object_signed_by_other_client_fails(one: CibaClient) -> None:
    one.refuses(one.object(key=ec_key("P-256", 5)))


def test_fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(login_hint_token="x.y.z"))
    one.refuses(one.object(id_token_hint="x.y.z"))
    one.refuses(one.object(login_hint=None))
