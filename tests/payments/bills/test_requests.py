"""Requests to pay: made once, answered once, ended with their bill, and told by callback."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bills.actions.answer import RequestAnswer, answer_request
from payments.bills.actions.issue import cancel_bill
from payments.bills.actions.requests import RequestOrder, make_request
from payments.bills.queries import PayRequest, find_request
from payments.bills.tasks import look_after
from payments.payees.bank_details import DetailsVault
from shared.db import Database
from shared.errors import Conflict, NotFound, Problem
from shared.outbox import Job
from tests.payments.bills.counter import PENCE, REFERENCE, balances, count, day, issue, pay, state
from tests.payments.runs.world import BODY, GATEWAY, NOW, UNA

URL = "https://biller.example/rtp"


def _ask(session: Session, vault: DetailsVault, **changes: object) -> PayRequest:
    values: dict[str, object] = {
        "organisation": BODY,
        "is_rehearsal": False,
        "source": "biller",
        "request_id": "ask-0001",
        "rtp_id": "RTP-1",
        "bill_reference": REFERENCE,
        "request_type": "00",
        "institution": "payer-bank",
        "address": "99-00-01 10000012",
        "amount_pence": PENCE,
        "callback_url": URL,
        "callback_correlation": "story",
    }
    order = RequestOrder(**{**values, **changes})  # type: ignore[arg-type]  # members by name
    return make_request(session, vault, order, GATEWAY, NOW)[0]


def _say(session: Session, **changes: object) -> PayRequest:
    values: dict[str, object] = {
        "organisation": BODY,
        "is_rehearsal": False,
        "institution": "payer-bank",
        "request_id": "say-0001",
        "rtp_id": "RTP-1",
        "bill_reference": REFERENCE,
        "state": "COM",
        "reason": "",
        "payment_reference": "PAYREF-2",
    }
    now = changes.pop("now", NOW)
    assert isinstance(now, datetime)
    sent = RequestAnswer(**{**values, **changes})  # type: ignore[arg-type]  # members by name
    return answer_request(session, sent, GATEWAY, now)


def _told(session: Session) -> list[dict[str, str]]:
    return list(session.execute(text("SELECT body FROM govstack_callback ORDER BY id")).scalars())


def test_a_request_is_made_once_and_its_address_is_sealed(
    session: Session, vault: DetailsVault
) -> None:
    issue(session)
    made = _ask(session, vault)
    assert (made.state, made.amount_pence) == ("PND", PENCE)
    assert _ask(session, vault) == made
    assert count(session, "bill_request") == 1
    assert made.address_sealed is not None
    assert b"10000012" not in made.address_sealed
    everything = session.execute(
        text("SELECT string_agg(t::text, '') FROM (SELECT details FROM audit_event) t")
    ).scalar_one()
    assert "10000012" not in everything


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("payerFiID", {"institution": "other"}),
        ("requestType", {"request_type": "01"}),
        ("financialAddress", {"address": "other"}),
        ("requestID", {"request_id": "other"}),
        ("billId", {"bill_reference": "OTHER-1"}),
    ],
    ids=["institution", "type", "address", "request", "bill"],
)
def test_an_id_with_other_content_is_refused(
    session: Session, vault: DetailsVault, name: str, changes: dict[str, object]
) -> None:
    issue(session)
    issue(session, reference="OTHER-1")
    made = _ask(session, vault)
    with pytest.raises(Conflict) as caught:
        _ask(session, vault, **changes)
    assert caught.value.code == f"exists_with_different_{name}"
    assert find_request(session, BODY, "RTP-1", is_rehearsal=False) == made


@pytest.mark.parametrize(
    "changes",
    [
        {"bill_reference": "UNKNOWN"},
        {"amount_pence": 1},
        {"is_rehearsal": True},
        {"organisation": "glenmore"},
    ],
    ids=["unknown", "amount", "rehearsal", "other-body"],
)
def test_what_cannot_be_paid_is_not_asked_for(
    session: Session, vault: DetailsVault, changes: dict[str, object]
) -> None:
    issue(session)
    with pytest.raises(Conflict):
        _ask(session, vault, **changes)
    assert count(session, "bill_request") == 0


def test_a_bill_has_one_pending_request(session: Session, vault: DetailsVault) -> None:
    issue(session)
    _ask(session, vault)
    with pytest.raises(Conflict, match="request_pending"):
        _ask(session, vault, rtp_id="RTP-2")
    _say(session, state="RJC", reason="R", payment_reference="")
    assert _ask(session, vault, rtp_id="RTP-2").state == "PND"


def test_a_paid_request_pays_its_bill_once(session: Session, vault: DetailsVault) -> None:
    issue(session)
    _ask(session, vault)
    for _ in range(2):
        assert _say(session).state == "COM"
    assert (state(session), balances(session)["programme_income"]) == ("paid", -PENCE)
    assert _told(session) == [
        {
            "requestID": "ask-0001",
            "rtpId": "RTP-1",
            "billId": REFERENCE,
            "rtpStatus": "COM",
            "paymentReferenceID": "PAYREF-2",
        }
    ]
    for changed in ({"payment_reference": "OTHER"}, {"state": "CAN", "payment_reference": ""}):
        with pytest.raises(Conflict, match="request_state"):
            _say(session, **changed)


@pytest.mark.parametrize("reason", ["R", "E", "W"])
def test_a_rejected_request_leaves_its_bill_open(
    session: Session, vault: DetailsVault, reason: str
) -> None:
    issue(session)
    _ask(session, vault)
    said = _say(session, state="RJC", reason=reason, payment_reference="")
    assert (said.state, said.reject_reason) == ("RJC", reason)
    assert (state(session), balances(session)) == ("open", {})
    assert [one["rejectReason"] for one in _told(session)] == [reason]
    with pytest.raises(Conflict):
        _say(session)


@pytest.mark.parametrize(
    ("problem", "changes"),
    [
        (NotFound, {"rtp_id": "RTP-9"}),
        (NotFound, {"organisation": "glenmore"}),
        (NotFound, {"is_rehearsal": True}),
        (Conflict, {"institution": "other-bank"}),
        (Conflict, {"bill_reference": "OTHER-1"}),
    ],
    ids=["unknown", "other-body", "rehearsal", "institution", "bill"],
)
def test_a_wrong_answer_changes_nothing(
    session: Session, vault: DetailsVault, problem: type[Problem], changes: dict[str, object]
) -> None:
    issue(session)
    _ask(session, vault)
    with pytest.raises(problem):
        _say(session, **changes)
    assert (state(session), _told(session)) == ("open", [])


def test_an_answer_after_the_last_day_pays_nothing(session: Session, vault: DetailsVault) -> None:
    issue(session)
    _ask(session, vault)
    with pytest.raises(Conflict, match="bill_not_payable"), session.begin_nested():
        _say(session, now=NOW + timedelta(days=31))
    found = find_request(session, BODY, "RTP-1", is_rehearsal=False)
    assert found is not None
    assert (found.state, state(session), balances(session)) == ("PND", "open", {})


def _cancel(session: Session) -> None:
    cancel_bill(session, BODY, REFERENCE, "Issued twice", UNA, NOW)


@pytest.mark.parametrize(
    ("end", "expected"), [(pay, "COM"), (_cancel, "CAN")], ids=["paid-otherwise", "cancelled"]
)
def test_a_request_ends_with_its_bill(
    session: Session, vault: DetailsVault, end: Callable[[Session], object], expected: str
) -> None:
    issue(session)
    _ask(session, vault)
    end(session)
    found = find_request(session, BODY, "RTP-1", is_rehearsal=False)
    assert found is not None
    assert found.state == expected
    assert [one["rtpStatus"] for one in _told(session)] == [expected]


class _JobAt(Job):
    """Work that is done at another time."""

    at = NOW

    def now(self) -> datetime:
        return self.at


def test_bills_and_requests_expire_by_the_clock(database: Database, vault: DetailsVault) -> None:
    with database.transaction() as session:
        issue(session)
        issue(session, reference="LATER-1", due_on=day(40))
        _ask(session, vault)
    for when, expected in ((30, "open"), (31, "expired"), (31, "expired")):
        job = _JobAt(1, "payments.bills.look_after", {}, 1, database, None)  # type: ignore[arg-type]  # no setting is read
        job.at = NOW + timedelta(days=when)
        look_after(job)
        with database.transaction() as session:
            assert (state(session), state(session, "LATER-1")) == (expected, "open")
    with database.transaction() as session:
        assert [one["rtpStatus"] for one in _told(session)] == ["EXP"]
        audited = session.execute(
            text("SELECT details FROM audit_event WHERE action = 'payments.bills.expired'")
        ).scalars()
        assert list(audited) == [{"bills": 1, "total_pence": PENCE}]


@pytest.mark.parametrize("request_id", ["pay-0001", "say-0001"], ids=["same-id", "other-id"])
def test_of_an_answer_and_a_payment_one_wins(
    database: Database, vault: DetailsVault, request_id: str
) -> None:
    with database.transaction() as session:
        issue(session)
        _ask(session, vault)
    barrier = Barrier(2)

    def race(number: int) -> None:
        barrier.wait()
        with database.transaction() as session:
            if number:
                pay(session)
            else:
                _say(session, request_id=request_id, payment_reference="PAYREF-0001")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(race, range(2)))
    with database.transaction() as session:
        assert (state(session), balances(session)["programme_income"]) == ("paid", -PENCE)
        assert [one["rtpStatus"] for one in _told(session)] == ["COM"]
