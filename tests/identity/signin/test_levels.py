"""What factors are worth together: data, and the one way to read it."""

from itertools import combinations

import pytest

from identity.signin.levels import CURRENT, LEVELS, POLICIES
from identity.signin.rules import check_next, is_level_enough, mask_email, name_factors


@pytest.mark.parametrize(
    ("factors", "level"),
    [
        ((), "low"),
        (("password",), "low"),
        (("email_code",), "low"),
        (("totp",), "low"),
        (("recovery", "totp"), "low"),
        (("password", "totp_unproven"), "low"),
        (("email_code", "totp"), "low"),
        (("passkey_unproven",), "low"),
        (("password", "email_code"), "medium"),
        (("password", "totp"), "medium"),
        (("password", "sms_code"), "medium"),
        (("password", "voice_code"), "medium"),
        (("password", "backup_code"), "medium"),
        (("passkey_synced",), "medium"),
        (("password", "passkey_synced"), "medium"),
        (("passkey_bound",), "high"),
        (("recovery", "passkey_bound"), "high"),
    ],
)
def test_the_level_of_a_sign_in(factors: tuple[str, ...], level: str) -> None:
    assert CURRENT.level_of(factors) == level


def test_a_further_proof_never_lowers_a_level() -> None:
    names = tuple(CURRENT.methods)
    for size in (1, 2):
        for proved in combinations(names, size):
            before = LEVELS.index(CURRENT.level_of(proved))
            for more in names:
                assert LEVELS.index(CURRENT.level_of((*proved, more))) >= before


def test_an_older_policy_stays_readable() -> None:
    old = POLICIES["gpg44-0.1"]
    assert old.level_of(("password", "email_code")) == "medium"
    assert old.level_of(("passkey_bound",)) == "low"
    assert old.methods_of(("password", "email_code")) == ("pwd", "otp")


def test_methods_are_named_once_and_unknown_factors_are_a_mistake() -> None:
    assert CURRENT.methods_of(("password", "email_code", "totp")) == ("pwd", "otp")
    with pytest.raises(KeyError):
        CURRENT.methods_of(("retina",))


def test_every_factor_has_words() -> None:
    assert all(name_factors([name]) for name in CURRENT.methods)


@pytest.mark.parametrize(
    ("level", "wanted", "enough"),
    [
        ("low", "low", True),
        ("medium", "low", True),
        ("low", "medium", False),
        ("high", "medium", True),
        ("high", "highest", False),
        ("", "low", False),
    ],
)
def test_a_level_is_at_least_another(level: str, wanted: str, *, enough: bool) -> None:
    assert is_level_enough(level, wanted) == enough


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("morag@person.example", "m…g@person.example"),
        ("jo@person.example", "j…@person.example"),
    ],
)
def test_an_address_is_masked(email: str, masked: str) -> None:
    assert mask_email(email) == masked


@pytest.mark.parametrize(
    "path",
    [
        "/identity/account",
        "/identity/account/security?done=x",
        "/identity/account/a/b",
        "/identity/console/strathclachan/staff",
        "/identity/requests",
    ],
)
def test_our_own_pages_may_follow(path: str) -> None:
    assert check_next(path) == path
