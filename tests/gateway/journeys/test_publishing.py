from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.eligibility.reader import DefinitionError
from gateway.journeys.actions.publishing import publish
from gateway.journeys.commands import publish_folder
from gateway.journeys.definition.service import load_service
from gateway.journeys.publishing.checks import check_service
from gateway.journeys.publishing.files import read_definition
from shared.actors import SYSTEM
from shared.errors import Invalid
from tests.gateway.journeys.applications import moment
from tests.gateway.journeys.conftest import GRANT, Site

Body = dict[str, Any]
Spoil = Callable[[Body], object]
OF_GRANT = "service_id = 'winter-heating-grant'"
VERSIONS = f"SELECT version, published_at FROM journey_version WHERE {OF_GRANT}"


def step(body: Body, name: str) -> Body:
    found: Body = next(each for each in body["steps"] if each["id"] == name)
    return found


def faults_of(body: Body) -> dict[str, str]:
    try:
        check_service(load_service(body))
    except DefinitionError as refusal:
        return {fault.field: fault.message for fault in refusal.fields}
    return {}


def test_the_demo_service_may_be_published(grant: Body) -> None:
    assert faults_of(grant) == {}


def move_to(body: Body, name: str, position: int) -> None:
    found = step(body, name)
    body["steps"].remove(found)
    body["steps"].insert(position, found)


SPOILT: dict[str, tuple[Spoil, str]] = {
    "an unknown key": (lambda b: b.update(colour="red"), "colour"),
    "code in place of data": (
        lambda b: b["steps"].append({"id": "x", "kind": "python"}),
        "steps.12",
    ),
    "an empty text": (lambda b: b.update(title=" "), "title"),
    "no retention": (lambda b: b.pop("retention"), "retention"),
    "no legal basis": (lambda b: b.pop("legal_basis"), "legal_basis"),
    "a choice without options": (
        lambda b: b["attributes"]["heating_fuel"].pop("options"),
        "attributes.heating_fuel",
    ),
    "an attribute from nowhere": (
        lambda b: b["attributes"]["given_name"].pop("verified"),
        "attributes.given_name",
    ),
    "an effect that says nothing of undoing": (
        lambda b: step(b, "payment").pop("undo"),
        "steps.8.payout.undo",
    ),
    "a condition that does not type-check": (
        lambda b: step(b, "payment").update({"when": "decision.amount == true"}),
        "steps.payment.when",
    ),
    "a condition over an unknown name": (
        lambda b: step(b, "payment").update({"when": "shoe_size > 9"}),
        "steps.payment.when",
    ),
    "a rule that does not parse": (
        lambda b: b["rules"]["criteria"][0].update(expression="lives_in_scotland &&"),
        "rules.criteria[0].expression",
    ),
    "two decisions": (
        lambda b: b["steps"].insert(8, {**step(b, "decision"), "id": "again"}),
        "steps",
    ),
    "no end": (lambda b: b["steps"].pop(), "steps"),
    "the sign-in after the proof": (lambda b: move_to(b, "sign-in", 3), "steps.sign-in"),
    "two steps of one name": (
        lambda b: step(b, "payment-details").update(id="about-your-home"),
        "steps.about-your-home",
    ),
    "the platform's own address": (lambda b: b.update(id="cases"), "id"),
    "a page at the task list's address": (
        lambda b: step(b, "check-answers").update(id="tasks"),
        "steps.tasks",
    ),
    "two pages at one address": (
        lambda b: step(b, "check-answers").update(id="heating-fuel"),
        "steps.heating-fuel",
    ),
    "a step that nobody reaches": (
        lambda b: step(b, "payment").update(
            {"when": 'decision.outcome == "eligible" && decision.outcome == "refer"'}
        ),
        "steps.payment.when",
    ),
    "a question asked twice": (
        lambda b: step(b, "payment-details")["asks"].append({"attribute": "heating_fuel"}),
        "attributes.heating_fuel",
    ),
    "an attribute that nobody asks": (
        lambda b: step(b, "payment-details").update(asks=[{"attribute": "heating_fuel"}]),
        "steps.payment",
    ),
    "an unknown attribute": (
        lambda b: step(b, "about-your-home").update(asks=[{"attribute": "shoe_size"}]),
        "steps.about-your-home",
    ),
    "an attribute that nobody uses": (
        lambda b: b["attributes"].update(
            idle={"type": "text", "label": "l", "purpose": "p", "question": "q", "missing": "m"}
        ),
        "attributes.idle",
    ),
    "a question without words": (
        lambda b: b["attributes"]["heating_fuel"].update(
            question=None, verified={"scope": "scotaccount.email", "claim": "email"}
        ),
        "attributes.heating_fuel",
    ),
    "an outcome that is not handled": (
        lambda b: step(b, "decision")["outcomes"].pop("refer"),
        "steps.decision.outcomes",
    ),
    "a rule that leads to a referral nobody can decide": (
        lambda b: b["rules"]["criteria"][0].update(severity="referral"),
        "rules.criteria.residence.severity",
    ),
    "an outcome that leads to a referral nobody can decide": (
        lambda b: b["rules"]["outcomes"].insert(
            0, {"outcome": "refer", "when": "!criteria.residence", "reason": {"en": "Abroad."}}
        ),
        "rules.outcomes.refer",
    ),
    "everybody referred to nobody": (
        lambda b: step(b, "decision")["outcomes"].update(eligible="refer"),
        "steps.decision.outcomes",
    ),
    "a verified fact that no step verifies": (
        lambda b: step(b, "prove-identity").update(scopes=["scotaccount.address"]),
        "attributes.date_of_birth.verified",
    ),
    "a scheme year without a first day": (
        lambda b: b.update(once={"per": "scheme_year"}),
        "once",
    ),
    "a scheme year that begins on no day": (
        lambda b: b["once"].update(starts="04-31"),
        "once",
    ),
    "a scheme year that begins every fourth year": (
        lambda b: b["once"].update(starts="02-29"),
        "once",
    ),
    "once ever with a first day": (lambda b: b["once"].update(per="ever"), "once"),
    "once in a while": (lambda b: b["once"].update(per="decade"), "once.per"),
    "money without an amount": (
        lambda b: b["rules"]["outcomes"].clear(),
        "steps.payment",
    ),
    "a payment to something else than an account": (
        lambda b: step(b, "payment").update(payee="heating_fuel"),
        "steps.payment.payee",
    ),
    "a language that says it is complete": (
        lambda b: b["languages"].update(gd="complete"),
        "rules.criteria[0].reason_true",
    ),
    "a first language that is not complete": (
        lambda b: b.update(languages={"en": "partial"}),
        "languages",
    ),
    "a placeholder that is not filled in": (
        lambda b: step(b, "award-letter")["message"].update(summary="Dear {nickname}"),
        "steps.award-letter.message.summary",
    ),
    "a question without a word for no answer": (
        lambda b: b["attributes"]["heating_fuel"].pop("missing"),
        "attributes.heating_fuel.missing",
    ),
    "an option twice": (
        lambda b: b["attributes"]["heating_fuel"]["options"].append(
            {"value": "gas", "label": "Gas"}
        ),
        "attributes.heating_fuel",
    ),
    "a persona of the rules that is decided otherwise": (
        lambda b: b["rules"]["personas"][0]["expect"].update(amount_pence=1),
        "rules.personas.pensioner",
    ),
    "no persona of the rules": (lambda b: b["rules"].pop("personas"), "rules.personas"),
    "a persona that is decided otherwise": (
        lambda b: b["personas"][0]["expect"].update(outcome="refer"),
        "personas.morag.expect.outcome",
    ),
    "a persona that is paid otherwise": (
        lambda b: b["personas"][0]["expect"].update(amount_pence=1),
        "personas.morag.expect.amount_pence",
    ),
    "a persona that meets other pages": (
        lambda b: b["personas"][0]["expect"].update(pages=["sign-in"]),
        "personas.morag.expect.pages",
    ),
    "a persona with other effects": (
        lambda b: b["personas"][1]["expect"].update(effects=["payment"]),
        "personas.calum.expect.effects",
    ),
    "a persona that has no answer": (
        lambda b: b["personas"][0]["answers"].pop("heating_fuel"),
        "personas.morag.answers",
    ),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_publishing_is_refused_and_the_place_is_named(grant: Body, fault: str) -> None:
    spoil, place = SPOILT[fault]
    spoil(grant)
    found = faults_of(grant)
    assert place in found, found


def test_a_referral_that_the_definition_turns_into_a_refusal_is_no_dead_end(grant: Body) -> None:
    grant["rules"]["criteria"][0]["severity"] = "referral"
    step(grant, "decision")["outcomes"]["refer"] = "refuse"
    assert "rules.criteria.residence.severity" not in faults_of(grant)


def test_a_complete_language_needs_every_text(grant: Body) -> None:
    grant["languages"]["gd"] = "complete"
    grant["rules"]["languages"] = ["en"]
    found = faults_of(grant)
    assert found["steps.eligibility.apply_anyway"] == "no text in gd"
    assert found["attributes.heating_fuel.options.gas.label"] == "no text in gd"


@pytest.mark.committed
def test_a_refused_definition_leaves_nothing_behind(site: Site, grant: Body) -> None:
    grant["title"] = "Summer Heating Grant"
    step(grant, "decision")["outcomes"].pop("refer")
    before = site.rows(VERSIONS), site.rows("SELECT * FROM journey")
    with pytest.raises(DefinitionError), site.database.transaction() as session:
        publish(session, grant, SYSTEM, moment(20))
    assert (site.rows(VERSIONS), site.rows("SELECT * FROM journey")) == before


@pytest.mark.committed
def test_publishing_again_changes_nothing_and_a_change_is_a_new_version(
    site: Site, tmp_path: Path
) -> None:
    first = site.rows(VERSIONS)
    assert publish_folder(site.database, GRANT.parent)[0].endswith("unchanged")
    assert site.rows(VERSIONS) == first
    text = GRANT.read_text().replace("About ten minutes", "About nine minutes")
    (tmp_path / GRANT.name).write_text(text)
    assert publish_folder(site.database, tmp_path)[0].endswith("published")
    assert site.count("journey_version", OF_GRANT) == 2
    assert site.count("journey", f"{OF_GRANT} AND current_version = '{first[0].version}'") == 0


@pytest.mark.committed
def test_one_bad_file_stops_the_whole_folder(site: Site, tmp_path: Path) -> None:
    good = GRANT.read_text()
    (tmp_path / "a.yaml").write_text(good.replace("About ten minutes", "About nine minutes"))
    (tmp_path / "b.yaml").write_text(good.replace("kind: done", "kind: dance"))
    with pytest.raises(Invalid) as refusal:
        publish_folder(site.database, tmp_path)
    assert refusal.value.fields[0].field.startswith("b.yaml: steps")
    assert site.count("journey_version", OF_GRANT) == 1


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("id: one\nid: two\n")
    with pytest.raises(DefinitionError, match="stands twice"):
        read_definition(path)
