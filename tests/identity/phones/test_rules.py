import pytest

from identity.phones.rules import check_number, kind_of, show_number
from shared.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "e164", "kind", "channel"),
    [
        ("07400 123456", "+447400123456", "mobile", "sms"),
        ("+44 7400 123456", "+447400123456", "mobile", "sms"),
        ("0044 7400 123456", "+447400123456", "mobile", "sms"),
        ("(0131) 225-0000", "+441312250000", "landline", "voice"),
        ("07700 900123", "+447700900123", "mobile", "sms"),
        ("01632 960001", "+441632960001", "landline", "voice"),
    ],
)
def test_numbers_are_read_as_people_write_them(
    typed: str, e164: str, kind: str, channel: str
) -> None:
    number = check_number(typed, ["GB"], allow_invented=True)
    assert (number.e164, number.kind, number.target.channel) == (e164, kind, channel)


@pytest.mark.parametrize(
    "typed",
    [
        *("", "no number", "0131", "07700 900123 ext 5", "+1 202 555 0123", "+33 6 12 34 56 78"),
        *("0909 879 0000", "0808 157 0000", "070 1234 5678", "0300 123 4567", "999"),
    ],
)
def test_costly_and_foreign_numbers_are_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_number(typed, ["GB"], allow_invented=True)
    assert [fault.field for fault in refused.value.fields] == ["phone"]


def test_countries_are_a_setting() -> None:
    assert check_number("+33 6 12 34 56 78", ["GB", "FR"], allow_invented=False).kind == "mobile"


def test_invented_numbers_are_for_demonstrations_only() -> None:
    with pytest.raises(Invalid):
        check_number("07700 900123", ["GB"], allow_invented=False)


def test_a_number_is_shown_as_its_owner_writes_it() -> None:
    assert show_number("+441312250000") == "0131 225 0000"
    assert show_number("+33612345678") == "+33 6 12 34 56 78"
    assert kind_of("sms") == kind_of("mobile") == "mobile"
    assert kind_of("voice") == "landline"
