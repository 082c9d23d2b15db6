from dataclasses import replace
from datetime import UTC, date, datetime
from typing import get_args

import pytest

from identity.verification import rules
from identity.verification.gpg45 import CheckDetail, IdentityCheck, make_policy
from identity.verification.provider import CheckResult, Claimed
from identity.verification.rules import MOVES, State, judge, read_claimed
from shared.errors import Invalid

TODAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
FORM = {
    "given_name": "Ann  Màiri",
    "family_name": "O’Fictional",
    "birth_date-day": "1",
    "birth_date-month": "2",
    "birth_date-year": "1980",
    "address_line_1": "12 Invented Street",
    "address_line_2": "",
    "town": "Strathclachan",
    "postcode": "eh11aa",
    "document": "passport",
}
CLAIMED = read_claimed(FORM, TODAY)
POLICY = make_policy(["M1A", "M1B", "M1C"])
RESULT = CheckResult(
    reference="r",
    given_name="Ann Màiri",
    family_name="O'Fictional",
    birth_date=date(1980, 2, 1),
    address={"streetName": "Invented Street"},
    checks=(
        IdentityCheck(
            "passport", "p", NOW, 3, 2, verification=2, document_expires=date(2030, 1, 1)
        ),
        IdentityCheck("address", "a", NOW, activity=1),
        IdentityCheck("fraud", "f", NOW, fraud=2),
    ),
)


def test_every_state_has_its_moves_and_ends_stay_ends() -> None:
    assert set(MOVES) == set(get_args(State))
    assert {state for state, moves in MOVES.items() if not moves} == {
        "verified",
        "verified_with_warnings",
        "failed",
        "abandoned",
    }
    assert all(after in MOVES for moves in MOVES.values() for after in moves)
    assert not rules.can_move("starting", "verified")


def test_the_form_is_read_in_one_form() -> None:
    assert (
        Claimed(
            "Ann Màiri",
            "O’Fictional",
            date(1980, 2, 1),
            ("12 Invented Street", "Strathclachan"),
            "EH1 1AA",
            "passport",
        )
        == CLAIMED
    )
    assert rules.claimed_from_json(rules.claimed_to_json(CLAIMED)) == CLAIMED


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"given_name": " "}, "given_name"),
        ({"given_name": "Ann2"}, "given_name"),
        ({"family_name": "x" * 101}, "family_name"),
        ({"family_name": "<script>"}, "family_name"),
        ({"birth_date-day": ""}, "birth_date"),
        ({"birth_date-day": "31", "birth_date-month": "2"}, "birth_date"),
        ({"birth_date-year": "99999999999999999999"}, "birth_date"),
        ({"birth_date-year": "2027"}, "birth_date"),
        ({"birth_date-year": "2015"}, "birth_date"),
        ({"birth_date-year": "1880"}, "birth_date"),
        ({"address_line_1": ""}, "address_line_1"),
        ({"address_line_2": "x" * 61}, "address_line_2"),
        ({"town": ""}, "town"),
        ({"postcode": ""}, "postcode"),
        ({"postcode": "EH1"}, "postcode"),
        ({"document": "library_card"}, "document"),
    ],
)
def test_a_fault_of_the_form_names_its_field(changes: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_claimed(FORM | changes, TODAY)
    assert [fault.field for fault in refusal.value.fields] == [field]


def test_an_empty_form_names_every_field_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        read_claimed({}, TODAY)
    assert len(refusal.value.fields) == 7


def test_somebody_turns_sixteen_on_their_birthday() -> None:
    young = FORM | {"birth_date-day": "2", "birth_date-month": "11", "birth_date-year": "2010"}
    assert read_claimed(young, TODAY).birth_date == date(2010, 11, 2)
    with pytest.raises(Invalid):
        read_claimed(young, date(2026, 11, 1))


def test_a_good_result_is_verified_by_its_profile() -> None:
    verdict = judge(RESULT, CLAIMED, POLICY, NOW)
    assert (verdict.state, verdict.profile, verdict.failure) == ("verified", "M1B", "")
    assert verdict.address_outcome == "VERIFIED_SUCCESSFULLY"


@pytest.mark.parametrize(
    "changes",
    [
        {"family_name": "Other"},
        {"given_name": "Anna"},
        {"birth_date": date(1980, 1, 2)},
    ],
)
def test_another_person_on_the_document_fails(changes: dict[str, object]) -> None:
    verdict = judge(replace(RESULT, **changes), CLAIMED, POLICY, NOW)  # type: ignore[arg-type]  # members by name
    assert (verdict.state, verdict.failure, verdict.profile) == ("failed", "details_differ", "")
    assert verdict.address_outcome == "VERIFICATION_FAILED"


def test_accents_and_middle_names_make_no_other_person() -> None:
    plain = replace(RESULT, given_name="ANN", family_name="O FICTIONAL".replace(" ", "'"))
    assert judge(plain, CLAIMED, POLICY, NOW).state == "verified"


def test_a_failed_face_says_so() -> None:
    document, *rest = RESULT.checks
    failed = replace(document, verification=0, failed=(CheckDetail("bvr"),))
    verdict = judge(replace(RESULT, checks=(failed, *rest)), CLAIMED, POLICY, NOW)
    assert (verdict.state, verdict.failure) == ("failed", "face_mismatch")


def test_an_expired_document_says_so() -> None:
    document, *rest = RESULT.checks
    expired = replace(document, document_expires=date(2024, 1, 1))
    verdict = judge(replace(RESULT, checks=(expired, *rest)), CLAIMED, POLICY, NOW)
    assert (verdict.state, verdict.failure) == ("failed", "document_expired")


def test_too_little_evidence_says_nothing_about_fraud() -> None:
    document, address, fraud = RESULT.checks
    verdict = judge(
        replace(RESULT, checks=(document, address, replace(fraud, fraud=0))), CLAIMED, POLICY, NOW
    )
    assert (verdict.state, verdict.failure) == ("failed", "not_confirmed")


def test_a_soft_failure_is_a_warning() -> None:
    document, address, fraud = RESULT.checks
    soft = replace(
        fraud, fraud=0, failed=(CheckDetail(fraud_check="applicable_authoritative_source"),)
    )
    chip = replace(document, validity=3, verification=3)
    verdict = judge(replace(RESULT, checks=(chip, address, soft)), CLAIMED, POLICY, NOW)
    assert (verdict.state, verdict.profile) == ("verified_with_warnings", "M1C")


def test_an_address_that_was_not_found_fails_alone() -> None:
    verdict = judge(replace(RESULT, address=None), CLAIMED, POLICY, NOW)
    assert (verdict.state, verdict.address_outcome) == ("verified", "VERIFICATION_FAILED")
