"""What a registration may ask of answers, ages and encryption."""

import pytest

from identity.relying_parties.checks.core_options import check_core_options
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import PLAIN, PROFILES, RESPONSE_TYPES, SCOTACCOUNT
from tests.identity.oidc.world import ec_key


def faults(profile: str = "oidc", *, production: bool = False, **options: object) -> list[str]:
    made = ClientOptions(**options)  # type: ignore[arg-type]  # names of options
    found = check_core_options(made, [ec_key()], PROFILES[profile], production=production)
    return [fault.field for fault in found]


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_client_without_wishes_has_no_faults_anywhere(profile: str) -> None:
    assert faults(profile, production=True) == []


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_every_type_may_be_registered_in_the_plain_profile_only(response_type: str) -> None:
    assert faults(response_types=(response_type,)) == []
    expected = [] if response_type == "code" else ["response_types"]
    assert faults("scotaccount", response_types=(response_type,)) == expected
    assert response_type in PLAIN.response_types
    assert SCOTACCOUNT.response_types == ("code",)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"response_types": ()}, "response_types"),
        ({"response_types": ("token",)}, "response_types"),
        ({"response_types": ("code", "none")}, "response_types"),
        ({"userinfo_signed_response_alg": "none"}, "userinfo_signed_response_alg"),
        ({"userinfo_signed_response_alg": "HS256"}, "userinfo_signed_response_alg"),
        ({"default_max_age": -1}, "default_max_age"),
        ({"default_max_age": 2**40}, "default_max_age"),
        ({"id_token_encrypted_response_alg": "RSA1_5"}, "id_token_encrypted_response_alg"),
    ],
)
def test_what_is_not_offered_is_refused(options: dict[str, object], field: str) -> None:
    assert faults(**options) == [field]  # type: ignore[arg-type]  # names of options


def test_a_nonce_is_never_optional_in_production() -> None:
    assert faults(permit_missing_nonce=True) == []
    assert faults(production=True, permit_missing_nonce=True) == ["permit_missing_nonce"]


def test_words_of_a_type_may_stand_in_any_order() -> None:
    assert faults(response_types=("token id_token code",)) == []
