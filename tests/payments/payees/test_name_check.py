"""Name checks against the simulated bank over real HTTP, kept with question and answer."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, text

from payments.payees.actions import Checker, CheckRequest, check_name
from payments.payees.bank_details import DetailsVault
from payments.payees.confirmation.explain import explain
from payments.payees.models import name_check
from payments.payees.modulus.tables import TableFiles
from payments.payees.provider import NameAnswer, NameQuestion, NoAnswerError
from payments.payees.providers.open_banking import OpenBankingNames
from payments.payees.rules import OUTCOMES, decide
from shared import clock
from shared.actors import Actor
from shared.crypto import Sealer
from shared.db import Database
from shared.errors import Invalid, Problem
from shared.http import make_http

PATH = "/open-banking/confirmation-payee/v2.0/name-verification"
GATEWAY = Actor("service", "gateway-service", name="gateway-service")
MORAG = CheckRequest("strathclachan", "personal", "Morag Fictional", "99-00-01", "10000012")
MakeChecker = Callable[..., Checker]


@pytest.fixture
def make_checker(
    payments_database: Database, sealer: Sealer, payee_names_url: str, key_file: Path
) -> Iterator[MakeChecker]:
    clients: list[httpx.Client] = []

    def make(url: str = payee_names_url, timeout_seconds: float = 2.0) -> Checker:
        clients.append(make_http(timeout_seconds))
        names = OpenBankingNames(
            url + PATH,
            timeout_seconds=timeout_seconds,
            financial_id="clachan",
            token="t",
            http=clients[-1],
        )
        vault = DetailsVault(sealer, "secret")
        return Checker(payments_database, names, TableFiles(None, None), vault, clock.now)

    yield make
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    ("change", "group", "code", "shown"),
    [
        ({}, "match", None, None),
        ({"name": "Moragh Fictional"}, "close_match", "MBAM", "Morag Fictional"),
        ({"account_type": "business"}, "close_match", "PANM", None),
        (
            {"account_type": "business", "name": "M Fictional"},
            "close_match",
            "PAMM",
            "Morag Fictional",
        ),
        ({"name": "Somebody Else"}, "no_match", "ANNM", None),
        ({"account_number": "11111111"}, "no_match", "AC01", None),
        ({"sort_code": "98-00-01"}, "unable_to_check", "SCNS", None),
        (
            {"name": "Innes Pretend", "sort_code": "990002", "account_number": "20000039"},
            "unable_to_check",
            "OPTO",
            None,
        ),
        (
            {"name": "Kirsty Invented", "sort_code": "990002", "account_number": "20000041"},
            "unable_to_check",
            "CASS",
            None,
        ),
        (
            {"name": "Ailsa Buildsoc", "sort_code": "990004", "account_number": "40000011"},
            "unable_to_check",
            "IVCR",
            None,
        ),
        (
            {
                "name": "Ailsa Buildsoc",
                "sort_code": "990004",
                "account_number": "40000011",
                "roll_number": "GLN/12345-6",
            },
            "match",
            None,
            None,
        ),
        (
            {"name": "Calum Outage", "sort_code": "990002", "account_number": "20000077"},
            "unable_to_check",
            "NOANSWER",
            None,
        ),
    ],
)
def test_every_outcome(
    make_checker: MakeChecker,
    payments_database: Database,
    change: dict[str, str],
    group: str,
    code: str | None,
    shown: str | None,
) -> None:
    checker = make_checker()
    result = check_name(checker, replace(MORAG, **change), GATEWAY)  # type: ignore[arg-type]  # members by name
    assert (result.outcome.group, result.reason_code, result.matched_name) == (group, code, shown)
    assert result.modulus.result == "not_checked"
    with payments_database.transaction() as session:
        row = session.execute(select(name_check)).one()
        audited = session.execute(text("SELECT count(*) FROM audit_event")).scalar_one()
    assert (row.outcome, row.reason_code, row.policy_version) == (group, code, "uk-cop-2026-1")
    assert row.answered_at is not None
    assert audited == 2
    opened = checker.vault.open_text(bytes(row.name_sealed), f"name_check:{row.id}:name")
    assert opened == change.get("name", MORAG.name)
    assert opened.encode() not in bytes(row.name_sealed)


def test_no_answer_in_time_is_unable_to_check(
    make_checker: MakeChecker, payments_database: Database
) -> None:
    request = replace(
        MORAG, name="Duncan Placeholder", sort_code="990002", account_number="20000053"
    )
    started = time.monotonic()
    result = check_name(make_checker(timeout_seconds=0.3), request, GATEWAY)
    assert time.monotonic() - started < 3
    assert (result.outcome.group, result.reason_code) == ("unable_to_check", "NOANSWER")
    with payments_database.transaction() as session:
        assert session.execute(select(name_check.c.outcome)).scalar_one() == "unable_to_check"


def test_a_bank_that_is_not_there_is_unable_to_check(make_checker: MakeChecker) -> None:
    result = check_name(make_checker("http://127.0.0.1:9"), MORAG, GATEWAY)
    assert result.outcome.group == "unable_to_check"


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "x" * 141}, ["name"]),
        ({"sort_code": "1", "account_number": "2"}, ["sort_code", "account_number"]),
        ({"name": "", "sort_code": "1"}, ["name", "sort_code"]),
        ({"account_type": "other"}, ["account_type"]),
        ({"roll_number": "_"}, ["roll_number"]),
    ],
)
def test_bad_input_asks_nobody_and_stores_nothing(
    make_checker: MakeChecker,
    payments_database: Database,
    change: dict[str, str],
    fields: list[str],
) -> None:
    checker = replace(make_checker(), names=_Nobody())
    with pytest.raises(Invalid) as refused:
        check_name(checker, replace(MORAG, **change), GATEWAY)  # type: ignore[arg-type]  # members by name
    assert [fault.field for fault in refused.value.fields] == fields
    with payments_database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM name_check")).scalar_one() == 0
        assert session.execute(text("SELECT count(*) FROM audit_event")).scalar_one() == 0


def test_an_impossible_account_number_is_refused(make_checker: MakeChecker, tmp_path: Path) -> None:
    weights = tmp_path / "weights.txt"
    weights.write_text("990001 990001 MOD10 0 0 0 0 0 0 1 1 1 1 1 1 1 1")
    checker = replace(make_checker(), names=_Nobody(), tables=TableFiles(weights, None))
    with pytest.raises(Invalid) as refused:
        check_name(checker, MORAG, GATEWAY)
    assert [fault.field for fault in refused.value.fields] == ["account_number"]


class _Nobody:
    def verify(self, question: NameQuestion) -> NameAnswer:
        raise AssertionError(question)


def test_nothing_is_locked_while_the_bank_is_asked(
    make_checker: MakeChecker, payments_database: Database
) -> None:
    seen: list[tuple[int, object]] = []

    class Looking:
        def verify(self, _question: NameQuestion) -> NameAnswer:
            with payments_database.transaction() as session:
                rows = session.execute(select(name_check.c.outcome)).scalars().all()
                busy = session.execute(
                    text(
                        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'"
                        " AND datname = current_database()"
                    )
                ).scalar_one()
            seen.append((len(rows), busy))
            return NameAnswer(matched=True)

    check_name(replace(make_checker(), names=Looking()), MORAG, GATEWAY)
    assert seen == [(1, 0)]


def test_an_unknown_code_is_no_answer() -> None:
    assert decide(matched=False, reason_code="WHAT") == (OUTCOMES["NOANSWER"], "NOANSWER")
    assert decide(matched=False, reason_code=None) == (OUTCOMES["NOANSWER"], "NOANSWER")


# The simulator keeps to the scheme's message.


def _ask(url: str, path: str = PATH, **headers: str) -> httpx.Response:
    data = {
        "SchemeName": "UK.OBIE.SortCodeAccountNumber",
        "AccountType": "Personal",
        "Identification": "99000110000012",
        "Name": "Morag Fictional",
    }
    sent = {"x-fapi-financial-id": "f", "x-fapi-interaction-id": "i", "Authorization": "Bearer t"}
    return httpx.post(url + path, json={"Data": data}, headers=sent | headers)


@pytest.mark.parametrize("path", [PATH, "/accounts/name-verification"])
def test_the_simulator_speaks_the_scheme(payee_names_url: str, path: str) -> None:
    answer = _ask(payee_names_url, path)
    assert answer.json()["Data"] == {"VerificationReport": {"Matched": True}}
    assert answer.json()["Links"]["Self"].endswith(path)
    assert answer.headers["x-fapi-interaction-id"] == "i"


def test_the_simulator_refuses_other_shapes(payee_names_url: str) -> None:
    assert _ask(payee_names_url, Accept="text/html").status_code == 406
    assert _ask(payee_names_url, Authorization="").status_code == 401
    bad = httpx.post(payee_names_url + PATH, json={}, headers={"x-fapi-interaction-id": "i"})
    assert bad.status_code == 400
    assert bad.json()["Code"] == "400"


def test_accounts_can_be_added_and_their_faults_played(payee_names_url: str) -> None:
    account = {
        "sort_code": "990009",
        "account_number": "90000009",
        "type": "personal",
        "holders": ["<b>New</b> Person"],
        "flags": {"error_status": 429},
    }
    assert httpx.put(f"{payee_names_url}/admin/accounts", json=account).status_code == 200
    page = httpx.get(payee_names_url).text
    assert "&lt;b&gt;New" in page
    assert "<b>New" not in page
    question = NameQuestion("personal", "New Person", "99000990000009", "", "id")
    with make_http(2) as http:
        names = OpenBankingNames(
            payee_names_url + PATH, timeout_seconds=2, financial_id="f", token="t", http=http
        )
        with pytest.raises(NoAnswerError):
            names.verify(question)


def test_the_simulator_takes_ibans(payee_names_url: str) -> None:
    account = {
        "sort_code": "601613",
        "account_number": "31926819",
        "type": "personal",
        "holders": ["Iona Iban"],
    }
    httpx.put(f"{payee_names_url}/admin/accounts", json=account)
    data = {
        "SchemeName": "UK.OBIE.IBAN",
        "AccountType": "Personal",
        "Identification": "GB29NWBK60161331926819",
        "Name": "Iona Iban",
    }
    headers = {"x-fapi-financial-id": "f", "x-fapi-interaction-id": "i", "Authorization": "t"}
    for change, status in (
        ({}, 200),
        ({"Identification": "GB30NWBK60161331926819"}, 400),
        ({"SchemeName": "SortCodeAccountNumber"}, 400),
    ):
        answer = httpx.post(payee_names_url + PATH, json={"Data": data | change}, headers=headers)
        assert answer.status_code == status
    httpx.delete(f"{payee_names_url}/admin/accounts/60161331926819")
    again = httpx.post(payee_names_url + PATH, json={"Data": data}, headers=headers).json()
    assert again["Data"]["VerificationReport"]["ReasonCode"] == "SCNS"


@pytest.mark.parametrize("kind", ["outage", "too_many", "silence", "other_shape", "other_question"])
def test_faults_on_order_are_no_answer_and_wear_off(
    make_checker: MakeChecker, payee_names_url: str, kind: str
) -> None:
    checker = make_checker(timeout_seconds=0.3)
    order = {"kind": kind, "questions": 2}
    assert httpx.put(f"{payee_names_url}/admin/fault", json=order).status_code == 200
    before = httpx.get(f"{payee_names_url}/admin/asked").json()["requests"]
    result = check_name(checker, MORAG, GATEWAY)
    assert (result.outcome.group, result.reason_code) == ("unable_to_check", "NOANSWER")
    # Server errors and silence are tried once more, under the same id.
    asked = httpx.get(f"{payee_names_url}/admin/asked").json()["requests"] - before
    assert asked == (2 if kind in ("outage", "silence") else 1)
    httpx.put(f"{payee_names_url}/admin/fault", json={"kind": "none"})
    assert check_name(checker, MORAG, GATEWAY).outcome.group == "match"


def test_the_bank_names_its_rule_and_the_steps_are_told(make_checker: MakeChecker) -> None:
    result = check_name(make_checker(), replace(MORAG, name="Moragh Fictional"), GATEWAY)
    assert result.rule == "surname equal, forename differs by a slip"
    steps = {step.what: step.finding for step in explain(result, "Moragh Fictional", "personal")}
    assert steps["The rule the bank names"] == result.rule
    assert steps["Our comparison with the name the bank holds"] == result.rule
    assert steps["What follows"].startswith("A payment is held")


def test_many_names_for_one_account_are_refused(
    make_checker: MakeChecker, payments_database: Database
) -> None:
    checker = replace(make_checker(), names_per_account=3)
    for number in range(3):
        check_name(checker, replace(MORAG, name=f"Guess {number}"), GATEWAY)
    with pytest.raises(Problem) as refused:
        check_name(checker, replace(MORAG, name="Guess 4"), GATEWAY)
    assert (refused.value.code, refused.value.status) == ("too_many_names", 429)
    check_name(checker, replace(MORAG, name="Guess 1"), GATEWAY)  # asked before
    other = Actor("staff", "person-cora", "strathclachan", name="Cora")
    check_name(checker, replace(MORAG, name="Guess 4"), other)
    later = replace(checker, clock=lambda: clock.now() + timedelta(hours=24, seconds=5))
    check_name(later, replace(MORAG, name="Guess 5"), GATEWAY)
    with payments_database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM name_check")).scalar_one() == 6


def test_guesses_at_once_do_not_pass_the_limit(make_checker: MakeChecker) -> None:
    checker = replace(make_checker(), names_per_account=2)
    refusals: list[str] = []
    start = threading.Barrier(6)

    def guess(number: int) -> None:
        start.wait()
        try:
            check_name(checker, replace(MORAG, name=f"Guess {number}"), GATEWAY)
        except Problem as problem:
            refusals.append(problem.code)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == ["too_many_names"] * 4
