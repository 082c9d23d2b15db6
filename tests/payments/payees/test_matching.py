"""The simulated bank's rules for names, each with the rule it names."""

import pytest

from payments.payees.confirmation.matching import (
    best_decision,
    compare_business,
    compare_personal,
    normalise,
    reason_code,
)


@pytest.mark.parametrize(
    ("asked", "held", "verdict"),
    [
        ("Morag Fictional", "Morag Fictional", "match"),
        ("MORAG  fictional", "Morag Fictional", "match"),
        ("Mrs Morag Fictional MBE", "Morag Fictional", "match"),
        ("Fictional Morag", "Morag Fictional", "match"),
        ("Zoë O'Invented-Name", "Zoe OInvented Name", "match"),
        ("Hamish McSpecimen", "Hamish MacSpecimen", "match"),
        ("Hamish Mac Specimen", "Hamish MacSpecimen", "match"),
        ("Hamish Saint John", "Hamish St John", "match"),
        ("M Fictional", "Morag Fictional", "close"),
        ("Bob Imaginary", "Robert Imaginary", "close"),
        ("Morga Fictional", "Morag Fictional", "close"),
        ("Morag Ann Fictional", "Morag Fictional", "close"),
        ("Ann Fictional", "Morag Ann Fictional", "close"),
        ("Morag Fictoinal", "Morag Fictional", "close"),
        ("Morag Fixional", "Morag Fictional", "close"),
        ("Catriona Fictional", "Morag Fictional", "none"),
        ("Morag Different", "Morag Fictional", "none"),
        ("Moira Fictoinal", "Morag Fictional", "none"),
        ("Fictional", "Morag Fictional", "none"),
        ("Mr", "Morag Fictional", "none"),
        ("", "Morag Fictional", "none"),
        ("Morag Fictional payment for heating", "Morag Fictional", "none"),
    ],
)
def test_personal_names(asked: str, held: str, verdict: str) -> None:
    decision = compare_personal(asked, held)
    assert decision.verdict == verdict
    assert decision.rule


@pytest.mark.parametrize(
    ("asked", "held", "verdict"),
    [
        ("Glen Invented Heating", "Glen Invented Heating Ltd", "match"),
        ("Fictional Fuels & Sons", "Fictional Fuels and Sons LLP", "match"),
        ("Glen Invented", "Glen Invented Heating Ltd", "close"),
        ("Glen Invented Heeting Limited", "Glen Invented Heating Ltd", "close"),
        ("Glen Invented Plumbing", "Glen Invented Heating Ltd", "none"),
        ("Heating", "Glen Invented Heating Ltd", "none"),
        ("Ltd", "Glen Invented Heating Ltd", "none"),
    ],
)
def test_business_names(asked: str, held: str, verdict: str) -> None:
    assert compare_business(asked, held).verdict == verdict


def test_the_best_holder_of_a_joint_account_counts() -> None:
    holders = ["Catherine Exampleton", "Iain Exampleton"]
    decision, holder = best_decision("personal", "Iain Exampleton", holders)
    assert (decision.verdict, holder) == ("match", "Iain Exampleton")


@pytest.mark.parametrize(
    ("verdict", "asked", "held", "code"),
    [
        ("match", "personal", "personal", None),
        ("match", "personal", "business", "BANM"),
        ("match", "business", "personal", "PANM"),
        ("close", "personal", "personal", "MBAM"),
        ("close", "business", "business", "MBAM"),
        ("close", "personal", "business", "BAMM"),
        ("close", "business", "personal", "PAMM"),
        ("none", "personal", "business", "ANNM"),
    ],
)
def test_the_account_type_decides_the_code(
    verdict: str, asked: str, held: str, code: str | None
) -> None:
    assert reason_code(verdict, asked, held) == code  # type: ignore[arg-type]  # a double, or a value that the test chose


def test_a_name_is_normalised_to_words() -> None:
    assert normalise("Dr. Màiri-Anne MacDonald, OBE") == ["mairi", "anne", "mcdonald"]
