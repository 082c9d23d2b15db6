"""What a registration may ask of OpenID Connect Core beside its fixed members; pure."""

from collections.abc import Iterable

from joserfc.jwk import Key

from identity.relying_parties.checks.encryption import check_encryption
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import Profile
from shared.errors import FieldError

_LONGEST_MAX_AGE = 2_147_483_647


def check_core_options(
    options: ClientOptions, keys: Iterable[Key], profile: Profile, *, production: bool
) -> list[FieldError]:
    """Return what is wrong with the answers, ages and levels that a registration asks for."""
    words = [set(one.split()) for one in options.response_types]
    offered = [set(one.split()) for one in profile.response_types]
    signed, age = options.userinfo_signed_response_alg, options.default_max_age
    faults = [
        FieldError(name, message)
        for wrong, name, message in (
            (
                not words or any(one not in offered for one in words),
                "response_types",
                "are not the profile's",
            ),
            (
                signed is not None and signed not in profile.id_token_algorithms,
                "userinfo_signed_response_alg",
                "is not offered",
            ),
            (
                age is not None and not 0 <= age <= _LONGEST_MAX_AGE,
                "default_max_age",
                "must be a number of seconds",
            ),
            (
                options.permit_missing_nonce and production,
                "permit_missing_nonce",
                "is for certification, not for production",
            ),
        )
        if wrong
    ]
    return faults + check_encryption(options, keys)
