from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.journeys import route
from gateway.journeys.definition.service import Service, load_service
from gateway.journeys.dossier import Answer, Dossier, PayeeCheck, fingerprint

TODAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
ELIGIBLE: dict[str, object] = {
    "lives_in_scotland": True,
    "pays_for_heating": True,
    "lives_in_care_home": False,
    "date_of_birth": "1954-03-27",
}


@pytest.fixture
def service(grant: dict[str, Any]) -> Service:
    return load_service(grant)


def told(values: dict[str, object]) -> Dossier:
    dossier = Dossier()
    for name, value in values.items():
        dossier = dossier.answered(name, value, AT)
    return dossier


def seen(service: Service, dossier: Dossier, *, anyway: bool = False) -> Dossier:
    mark = route.result_mark(route.result_of(service, dossier, TODAY))
    return replace(dossier, result_seen=mark, apply_anyway=anyway)


def current(service: Service, dossier: Dossier, *, signed_in: bool = False) -> str:
    page = route.walk(service, dossier, TODAY, is_signed_in=signed_in).current
    assert page is not None
    return page.key


def verified(dossier: Dossier, **values: object) -> Dossier:
    proven = {
        name: Answer(value, "verified", AT.isoformat(), "ScotAccount")
        for name, value in {
            "given_name": "Morag",
            "family_name": "Fictional",
            "date_of_birth": "1954-03-27",
            "home_address": {"postalCode": "ZZ1 1ZZ"},
            **values,
        }.items()
    }
    return replace(dossier, answers={**dossier.answers, **proven})


def test_only_what_can_change_the_answer_is_asked(service: Service) -> None:
    assert current(service, told({"lives_in_scotland": False})) == "eligibility"
    assert current(service, told(ELIGIBLE)) == "eligibility"
    assert current(service, told({**ELIGIBLE, "date_of_birth": "1996-05-05"})) == (
        "qualifying-benefit"
    )


def test_who_is_not_eligible_goes_on_only_by_choice(service: Service) -> None:
    abroad = told({"lives_in_scotland": False})
    assert current(service, seen(service, abroad)) == "eligibility"
    assert current(service, seen(service, abroad, anyway=True)) == "sign-in"


def test_a_changed_answer_shows_the_result_again_and_keeps_later_answers(service: Service) -> None:
    dossier = verified(seen(service, told({**ELIGIBLE, "heating_fuel": "gas"})))
    assert current(service, dossier, signed_in=True) == "bank-account"
    changed = dossier.answered("lives_in_care_home", value=True, now=AT)
    assert current(service, changed, signed_in=True) == "eligibility"
    back = changed.answered("lives_in_care_home", value=False, now=AT)
    assert current(service, back, signed_in=True) == "bank-account"
    assert back.answers["heating_fuel"].value == "gas"


def test_a_verified_value_replaces_what_was_typed_and_is_checked_again(service: Service) -> None:
    dossier = seen(service, told(ELIGIBLE))
    younger = verified(dossier, date_of_birth="1996-05-05")
    assert route.path_values(service, younger, TODAY)["date_of_birth"] == "1996-05-05"
    assert current(service, younger, signed_in=True) == "qualifying-benefit"


def test_an_answer_off_the_path_does_not_count(service: Service) -> None:
    dossier = told({**ELIGIBLE, "qualifying_benefit": "universal_credit"})
    values = route.path_values(service, dossier, TODAY)
    assert "qualifying_benefit" not in values


def test_everything_the_scopes_give_must_be_proven(service: Service) -> None:
    dossier = verified(seen(service, told(ELIGIBLE)))
    without = {name: a for name, a in dossier.answers.items() if name != "home_address"}
    assert current(service, replace(dossier, answers=without), signed_in=True) == "prove-identity"
    typed = dossier.answered("given_name", "Morag", AT)
    assert current(service, typed, signed_in=True) == "prove-identity"


def test_a_proof_that_is_too_old_is_asked_for_again(grant: dict[str, Any]) -> None:
    grant["attributes"]["home_address"]["freshness_days"] = 30
    service = load_service(grant)
    dossier = verified(seen(service, told(ELIGIBLE)))
    later = date(2026, 12, 21)
    assert current(service, dossier, signed_in=True) == "heating-fuel"
    page = route.walk(service, dossier, later, is_signed_in=True).current
    assert page is not None
    assert page.key == "prove-identity"


def test_details_that_were_changed_after_the_check_are_not_enough(service: Service) -> None:
    details = {"name": "Morag Fictional", "account_number": "10000011"}
    dossier = verified(seen(service, told({**ELIGIBLE, "heating_fuel": "gas"})))
    dossier = dossier.answered("bank_account", details, AT)
    check = PayeeCheck(fingerprint(details), "1", "match", "", "", "")
    checked = replace(dossier, payee_check=check)
    assert current(service, checked, signed_in=True) == "check-answers"
    other = checked.answered("bank_account", {**details, "account_number": "1"}, AT)
    assert current(service, other, signed_in=True) == "bank-account"


@pytest.mark.parametrize(
    ("outcome", "accepted", "passes"),
    [
        ("match", False, True),
        ("close_match", False, False),
        ("close_match", True, True),
        ("unable_to_check", False, False),
        ("unable_to_check", True, True),
        ("no_match", True, False),
        ("not_available", True, False),
        ("anything_else", True, False),
    ],
)
def test_which_checks_of_an_account_let_pass(outcome: str, *, accepted: bool, passes: bool) -> None:
    check = PayeeCheck("f", "1", outcome, "", "", "", accepted=accepted)
    assert check.lets_pass is passes


def test_a_dossier_survives_its_bytes() -> None:
    dossier = replace(
        verified(told(ELIGIBLE)),
        payee_check=PayeeCheck("f", "1", "close_match", "MBAM", "Morag", "", declared_reason="x"),
        verification="verified",
    )
    assert Dossier.from_bytes(dossier.to_bytes()) == dossier
