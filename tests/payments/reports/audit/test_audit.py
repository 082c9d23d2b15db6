"""What auditors see: the log of their body, duties that met, people, and samples to repeat."""

import csv
import io
import json
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reports.audit.queries import (
    draw_monetary,
    draw_random,
    get_population,
    list_meetings,
)
from payments.reports.audit.rules import plan_monetary, read_days
from payments.runs.actions.approve import approve
from payments.runs.rules import AUDITOR, ROLE_NAMES
from shared import audit, clock
from shared.db import Database
from shared.errors import Invalid
from shared.ids import new_id
from tests.payments.runs.console import Console
from tests.payments.runs.world import (
    ALAN,
    BODY,
    NOW,
    OTHER,
    UNA,
    World,
    make_waiting_run,
    staff,
)

Open = Callable[..., Console]
AUDREY = staff("Audrey", AUDITOR)
DAY = NOW.date()
PAGES = (
    "/payments/audit",
    "/payments/audit/export.jsonl",
    "/payments/audit/export.csv",
    "/payments/audit/duties",
    "/payments/audit/people",
    "/payments/audit/sample?seed=a",
    "/payments/audit/sample.csv?seed=a",
)


@pytest.mark.parametrize("role", sorted(set(ROLE_NAMES) - {AUDITOR}))
def test_only_auditors_see_these_pages(console: Open, role: str) -> None:
    person = console(staff("Somebody", role))
    assert [person.client.get(path).status_code for path in PAGES] == [403] * len(PAGES)


def test_an_auditor_sees_all_and_leaves_only_a_note_of_what_was_taken(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        make_waiting_run(session, world)
        before = world.snapshot(session)[:-1]
    person = console(AUDREY)
    assert [person.client.get(path).status_code for path in PAGES] == [200] * len(PAGES)
    with database.transaction() as session:
        assert world.snapshot(session)[:-1] == before
        noted = session.execute(
            text("SELECT action FROM audit_event WHERE actor_id = :id ORDER BY id"),
            {"id": AUDREY.id},
        ).scalars()
        assert list(noted) == [
            "payments.audit.exported",
            "payments.audit.exported",
            "payments.sample.downloaded",
        ]


def test_the_log_is_of_the_own_body_and_is_searched(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        made = world.create(session)
        theirs = world.create(session, organisation="glenmore")
        audit.record(session, OTHER, "payments.limit.changed", "limit", "7", {"pence": 1})
        audit.record(session, UNA, "payments.limit.changed", "limit", "8", {"reason": "=1+1"})
    person = console(AUDREY)
    page = person.get("/payments/audit")
    assert made.payment_id in page
    assert theirs.payment_id not in page
    assert "limit 8" in page
    assert "limit 7" not in page
    page = person.get("/payments/audit?action=payments.limit&person=una")
    assert "limit 8" in page
    assert made.payment_id not in page
    assert "No line of these days fits." in person.get("/payments/audit?object=nothing")
    assert "Enter a day, such as 2026-11-22" in person.get("/payments/audit?from=x")
    assert person.status == 422


def test_the_export_is_complete_ordered_and_disarmed(
    console: Open, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.reports.audit.pages._BATCH", 3)
    with database.transaction() as session:
        for number in range(10):
            audit.record(session, UNA, "payments.limit.changed", "=limit", number, {"n": number})
        audit.record(session, OTHER, "payments.limit.changed", "limit", "theirs", {})
    person = console(AUDREY)
    text_ = person.client.get("/payments/audit/export.jsonl").text
    lines = [json.loads(line) for line in text_.splitlines()]
    own = [line for line in lines if line["actor_id"] == UNA.id]
    assert [line["details"]["n"] for line in own] == list(range(10))
    assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)
    assert "theirs" not in text_
    rows = list(csv.DictReader(io.StringIO(person.client.get("/payments/audit/export.csv").text)))
    assert {row["object_type"] for row in rows if row["actor_id"] == UNA.id} == {"'=limit"}
    yesterday = clock.london_date(clock.now()) - timedelta(days=1)
    old = f"from={yesterday.isoformat()}&to={yesterday.isoformat()}"
    assert person.client.get(f"/payments/audit/export.jsonl?{old}").text == ""


def test_duties_that_met_in_one_person_are_found(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    assert list_meetings(session, BODY, DAY, DAY) == []
    # Past every rule, as somebody with the database in their hands could.
    session.execute(
        text(
            "INSERT INTO run_approval SELECT :id, organisation, id, round, content_hash, :una,"
            " 'Una', :now FROM run WHERE id = :run"
        ),
        {"id": new_id(), "una": UNA.id, "now": NOW, "run": run_id},
    )
    (found,) = list_meetings(session, BODY, DAY, DAY)
    assert (found.rule, found.person, found.run_id) == ("shaped_and_approved", "Una", run_id)
    assert list_meetings(session, "glenmore", DAY, DAY) == []
    assert list_meetings(session, BODY, DAY + timedelta(days=1), DAY + timedelta(days=9)) == []


def _went_out(session: Session, world: World, *pence: int) -> None:
    for amount in pence:
        world.create(session, amount_pence=amount)
    session.execute(text("UPDATE payment SET state = 'paid'"))


def test_a_random_sample_is_drawn_again_from_its_seed(session: Session, world: World) -> None:
    _went_out(session, world, *range(100, 130))
    days = (DAY, DAY)
    one = draw_random(session, BODY, *days, "audit 2026", 10)
    assert len({payment.public_id for payment in one}) == 10
    assert draw_random(session, BODY, *days, "audit 2026", 10) == one
    assert draw_random(session, BODY, *days, "audit 2027", 10) != one
    assert draw_random(session, "glenmore", *days, "audit 2026", 10) == []


def test_a_monetary_sample_gives_every_pound_the_same_chance(
    session: Session, world: World
) -> None:
    _went_out(session, world, 100, 5_000, 100, 100, 100)
    count, total = get_population(session, BODY, DAY, DAY)
    assert (count, total) == (5, 5_400)
    start, step = plan_monetary("seed", 3, total)
    found = draw_monetary(session, BODY, DAY, DAY, start, step, 10)
    assert 5_000 in [payment.amount_pence for payment in found]
    upto, chosen = 0, []
    for public_id, pence in session.execute(
        text("SELECT public_id, amount_pence FROM payment ORDER BY id")
    ):
        if any(
            (penny - start) % step == 0 and penny >= start for penny in range(upto, upto + pence)
        ):
            chosen.append(public_id)
        upto += pence
    assert [payment.public_id for payment in found] == chosen


@given(st.text(max_size=20), st.integers(1, 500), st.integers(1, 10**13))
def test_a_monetary_plan_begins_within_its_first_step(seed: str, size: int, total: int) -> None:
    start, step = plan_monetary(seed, size, total)
    assert 0 <= start < step or step == 1
    assert plan_monetary(seed, size, total) == (start, step)


def test_a_sample_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a size and a sum"):
        plan_monetary("seed", 5, 0)


def test_days_are_read_and_wrong_ones_refused() -> None:
    today = date(2026, 11, 22)
    assert read_days("", "", today, 10) == (date(2026, 11, 12), today)
    assert read_days("2026-11-01", "2026-11-02", today)[1] == date(2026, 11, 2)
    for first, last, fields in (("x", "y", ["from", "to"]), ("2026-11-03", "2026-11-02", ["to"])):
        with pytest.raises(Invalid) as caught:
            read_days(first, last, today)
        assert [fault.field for fault in caught.value.fields] == fields
