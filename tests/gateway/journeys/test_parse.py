import pytest

from gateway.journeys.definition.model import Attribute, Option, Texts
from gateway.journeys.forms.parse import parse
from gateway.journeys.forms.show import form_values
from shared.errors import Invalid

EN = Texts.model_validate("x")


def attribute(kind: str, **more: object) -> Attribute:
    options = tuple(Option(value=v, label=EN) for v in ("gas", "oil", "wood"))
    spec = {"type": kind, "label": "l", "purpose": "p", "question": "q", "missing": "m", **more}
    if kind.startswith("choose"):
        spec["options"] = options
    return Attribute.model_validate(spec)


def read(kind: str, fields: dict[str, list[str]], **more: object) -> object:
    return parse("it", attribute(kind, **more), fields, "Nothing given", lambda message: message)


GOOD: list[tuple[str, dict[str, list[str]], object]] = [
    ("yes_no", {"it": ["yes"]}, True),
    ("yes_no", {"it": ["no"]}, False),
    ("choose_one", {"it": ["oil"]}, "oil"),
    ("choose_many", {"it": ["wood", "gas"]}, ["gas", "wood"]),
    ("text", {"it": ["  two   words "]}, "two words"),
    ("name", {"it": ["Màiri-Anna O’Neil"]}, "Màiri-Anna O’Neil"),
    ("date", {"it-day": ["7"], "it-month": ["03"], "it-year": ["1954"]}, "1954-03-07"),
    ("number", {"it": ["1,200"]}, 1200),
    ("money", {"it": ["£1,250.50"]}, 125050),
    ("postcode", {"it": ["eh11aa"]}, "EH1 1AA"),
]


@pytest.mark.parametrize(("kind", "fields", "value"), GOOD)
def test_good_answers(kind: str, fields: dict[str, list[str]], value: object) -> None:
    assert read(kind, fields) == value
    again = {name: [str(part)] for name, part in form_values("it", attribute(kind), value).items()}
    if kind != "choose_many":
        assert read(kind, again) == value


BAD: list[tuple[str, dict[str, list[str]], str]] = [
    ("yes_no", {}, "it"),
    ("yes_no", {"it": ["maybe"]}, "it"),
    ("choose_one", {"it": ["coal"]}, "it"),
    ("choose_many", {"it": ["gas", "coal"]}, "it"),
    ("choose_many", {}, "it"),
    ("text", {"it": ["   "]}, "it"),
    ("text", {"it": ["x" * 201]}, "it"),
    ("name", {"it": ["R2D2"]}, "it"),
    ("name", {"it": ["<script>"]}, "it"),
    ("date", {}, "it-day"),
    ("date", {"it-day": ["1"], "it-month": ["2"]}, "it-year"),
    ("date", {"it-day": ["31"], "it-month": ["2"], "it-year": ["1990"]}, "it-day"),
    ("date", {"it-day": ["x"], "it-month": ["2"], "it-year": ["1990"]}, "it-day"),
    ("date", {"it-day": ["1"], "it-month": ["2"], "it-year": ["90"]}, "it-year"),
    ("date", {"it-day": ["1"], "it-month": ["2"], "it-year": ["19900"]}, "it-day"),
    ("date", {"it-day": ["²"], "it-month": ["2"], "it-year": ["1990"]}, "it-day"),
    ("number", {"it": ["1.5"]}, "it"),
    ("number", {"it": ["9" * 13]}, "it"),
    ("number", {"it": ["-1"]}, "it"),
    ("money", {"it": ["1.234"]}, "it"),
    ("money", {"it": ["-5"]}, "it"),
    ("money", {"it": ["ten"]}, "it"),
    ("postcode", {"it": ["ABCDE"]}, "it"),
    ("address", {"it": ["1 High Street"]}, "it"),
]


@pytest.mark.parametrize(("kind", "fields", "place"), BAD)
def test_bad_answers_name_their_field(kind: str, fields: dict[str, list[str]], place: str) -> None:
    made = attribute("text") if kind == "address" else attribute(kind)
    if kind == "address":
        made = made.model_copy(update={"type": "address"})
    with pytest.raises(Invalid) as refusal:
        parse("it", made, fields, "Nothing given", lambda message: message)
    assert [fault.field for fault in refusal.value.fields] == [place]


@pytest.mark.parametrize(
    ("typed", "wrong"), [("4", True), ("5", False), ("10", False), ("11", True)]
)
def test_limits(typed: str, *, wrong: bool) -> None:
    if wrong:
        with pytest.raises(Invalid):
            read("number", {"it": [typed]}, minimum=5, maximum=10)
    else:
        assert read("number", {"it": [typed]}, minimum=5, maximum=10) == int(typed)


def bank(**changes: str) -> dict[str, list[str]]:
    fields = {"name": "M Fictional", "type": "personal", "sort": "99-00-01", "account": "1234567"}
    return {f"it-{name}": [value] for name, value in {**fields, **changes}.items()}


def test_bank_details_are_brought_into_one_form() -> None:
    assert read("bank_details", bank(roll="GLN/1")) == {
        "name": "M Fictional",
        "account_type": "personal",
        "sort_code": "990001",
        "account_number": "01234567",
        "roll_number": "GLN/1",
    }


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"name": ""}, ["it-name"]),
        ({"name": "x" * 71}, ["it-name"]),
        ({"type": "joint"}, ["it-type"]),
        ({"sort": "99000"}, ["it-sort"]),
        ({"sort": "99000a"}, ["it-sort"]),
        ({"account": "12345"}, ["it-account"]),
        ({"account": "123456789"}, ["it-account"]),
        ({"roll": "x" * 19}, ["it-roll"]),
        (
            {"name": "", "type": "", "sort": "", "account": ""},
            ["it-name", "it-type", "it-sort", "it-account"],
        ),
    ],
)
def test_bad_bank_details_name_every_field(changes: dict[str, str], places: list[str]) -> None:
    with pytest.raises(Invalid) as refusal:
        read("bank_details", bank(**changes))
    assert [fault.field for fault in refusal.value.fields] == places


def test_account_numbers_are_not_put_back_into_a_form() -> None:
    value = read("bank_details", bank())
    assert form_values("it", attribute("bank_details"), value) == {
        "it-name": "M Fictional",
        "it-type": "personal",
    }
