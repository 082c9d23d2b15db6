import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.accounts.rules import check_email, check_new_password, is_common
from shared.errors import Invalid

EMAIL = "ann.fictional@person.example"


@pytest.mark.parametrize(
    ("typed", "email"),
    [
        (" Ann@Person.Example ", "ann@person.example"),
        ("o'brien+x@sub.person.example", "o'brien+x@sub.person.example"),
        ("ａnn@person.example", "ann@person.example"),
    ],
)
def test_an_address_is_compared_in_one_form(typed: str, email: str) -> None:
    assert check_email(typed) == email


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "ann@",
        "@person.example",
        "ann@person",
        "ann@@person.example",
        "ann b@person.example",
        "ann@person..example",
        ".ann@person.example",
        "ann@-person.example",
        "ann@person.example\nbcc: x@y.example",
        "a" * 65 + "@person.example",
        "ann@" + "a" * 250 + ".example",
        "ann@[127.0.0.1]",
    ],
)
def test_what_is_no_address_is_refused_at_its_field(typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_email(typed)
    assert [fault.field for fault in refusal.value.fields] == ["email"]


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "kettle789",
        "password1234",
        "P@ssw0rd1234",
        "!!Scotland2024!!",
        "qwertyuiop123",
        "1234567890",
        "9876543210",
        "abcdefghij",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "iloveglasgow99",
        "xx fictional xx",
        "my person account",
        "k" * 129,
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_new_password(password, EMAIL)
    assert [fault.field for fault in refusal.value.fields] == ["password"]


@pytest.mark.parametrize(
    "password", ["weather kettle mountain", "Tr0mbone&Gannet", "ионизатор-72х"]
)
def test_a_good_password_is_taken_as_it_is(password: str) -> None:
    assert check_new_password(password, EMAIL) == password


@given(st.text(min_size=1, max_size=4), st.integers(min_value=10, max_value=40))
def test_a_repetition_is_always_common(unit: str, length: int) -> None:
    assert is_common((unit * length)[:length])
