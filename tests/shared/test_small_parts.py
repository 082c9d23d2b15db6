import base64
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from shared import audit, idempotency, ids
from shared.actors import Actor
from shared.clock import london_date
from shared.correlation import set_correlation_id
from shared.crypto import SealBrokenError, Sealer
from shared.errors import Conflict
from shared.money import format_pounds, parse_pounds


def test_ids_keep_their_order() -> None:
    made = [ids.new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(one.version == 7 for one in made)


def test_references_can_be_read_aloud() -> None:
    prefix, *blocks = ids.reference("SWH").split("-")
    assert prefix == "SWH"
    assert [len(block) for block in blocks] == [4, 4]
    assert not set("".join(blocks)) & set("01ILOU")


@given(st.integers(-(10**15), 10**15))
def test_pounds_are_read_as_they_are_written(amount_pence: int) -> None:
    written = format_pounds(abs(amount_pence))
    assert parse_pounds(written) == abs(amount_pence)


@pytest.mark.parametrize("typed", ["", "1.234", "1,23", "£", "12.3.4", "1e5", "½", "NaN", "1 0"])
def test_what_is_not_an_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="pounds"):
        parse_pounds(typed)


def test_one_decimal_means_tens_of_pence() -> None:
    assert parse_pounds("2.5") == 250


def test_the_day_is_scotlands() -> None:
    assert str(london_date(datetime(2026, 6, 30, 23, 30, tzinfo=UTC))) == "2026-07-01"
    with pytest.raises(ValueError, match="time zone"):
        london_date(datetime(2026, 6, 30))  # noqa: DTZ001 - refusing a naive time is what is tested


def test_a_sealed_value_opens_for_its_own_record_only(sealer: Sealer) -> None:
    sealed = sealer.seal(b"12345678", b"payee:1")
    assert b"12345678" not in sealed
    assert sealer.open(sealed, b"payee:1") == b"12345678"
    for changed, aad in ((sealed, b"payee:2"), (sealed[:-1] + b"\x00", b"payee:1"), (b"", b"")):
        with pytest.raises(SealBrokenError):
            sealer.open(changed, aad)


def test_an_added_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    lines = [base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2)]
    path.write_text(lines[0])
    old = Sealer(path).seal(b"x", b"a")
    path.write_text("\n".join(lines))
    rotated = Sealer(path)
    assert rotated.open(old, b"a") == b"x"
    path.write_text(lines[1])
    assert Sealer(path).open(rotated.seal(b"y", b"a"), b"a") == b"y"


def test_a_repeated_request_gets_the_first_answer(gateway_session: Session) -> None:
    digest = idempotency.request_hash({"b": 1, "a": 2})
    assert digest == idempotency.request_hash({"a": 2, "b": 1})
    assert idempotency.remember(gateway_session, "s", "k", digest) is None
    idempotency.store(gateway_session, "s", "k", digest, status=201, body={"id": "1"})
    kept = idempotency.remember(gateway_session, "s", "k", digest)
    assert kept is not None
    assert (kept.status, kept.body) == (201, {"id": "1"})
    with pytest.raises(Conflict):
        idempotency.remember(gateway_session, "s", "k", idempotency.request_hash({"a": 3}))


def test_the_audit_can_be_added_to_and_not_changed(gateway_session: Session) -> None:
    set_correlation_id("story-9")
    actor = Actor("staff", "7", "strathclachan", name="Someone Invented")
    audit.record(gateway_session, actor, "run.approved", "run", 5, {"count": 2})
    row = gateway_session.execute(text("SELECT * FROM audit_event")).one()
    assert (row.correlation_id, row.object_id, row.details) == ("story-9", "5", {"count": 2})
    for attack in ("UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event"):
        with pytest.raises(ProgrammingError), gateway_session.begin_nested():
            gateway_session.execute(text(attack))


def test_no_service_sees_another_ones_tables(gateway_session: Session) -> None:
    for service in ("identity", "payments", "notifications"):
        with pytest.raises(ProgrammingError), gateway_session.begin_nested():
            gateway_session.execute(text(f"SELECT 1 FROM {service}.audit_event"))
    assert cast("int", gateway_session.execute(text("SELECT 1")).scalar_one()) == 1


@pytest.mark.parametrize("sent", ["é", "²", "a b", "-", "x" * 65, "a\nb", ""])
def test_a_correlation_id_that_headers_cannot_carry_is_replaced(sent: str) -> None:
    taken = set_correlation_id(sent)
    assert taken != sent
    assert taken.isascii()


def test_a_correlation_id_from_outside_is_kept() -> None:
    assert set_correlation_id("0199-abc") == "0199-abc"
