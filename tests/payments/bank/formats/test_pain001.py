"""pain.001.001.09 in pounds: valid by the published schema, whatever the texts hold."""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from payments.bank.formats.pain001 import transaction_reference
from payments.bank.formats.profile import FileProfile, Rail, read_profile
from payments.bank.formats.writing import FileFacts, FilePayment, UnwritableError, writer_for
from payments.bank.simulator.files import Facts, read
from payments.bank.standard18 import Originator
from shared.errors import Invalid
from tests.support.samples import sample

US = Originator("123456", "802260", "00112233", "Strathclachan Council & Co")
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@cache
def schema() -> etree.XMLSchema:
    path = sample("payments/iso20022/xsd/pain.001.001.09.xsd")
    return etree.XMLSchema(etree.parse(str(path)))


def make(payments: list[FilePayment], rail: Rail = "chaps", **profile: object) -> bytes:
    facts = FileFacts(
        US,
        "000042",
        rail,
        date(2026, 11, 24),
        NOW,
        date(2026, 11, 23),
        len(payments),
        sum(one.amount_pence for one in payments),
        read_profile(profile),
    )
    writer = writer_for("pain.001.001.09", facts)
    records = [writer.record(one)[0] for one in payments]
    return b"".join([writer.header(), *records, writer.trailer()])


def payment(number: int, name: str = "Morag", reference: str = "R", pence: int = 1) -> FilePayment:
    return FilePayment(
        UUID(int=number), f"{number:026d}", "201918", "12345678", "", name, pence, reference
    )


texts = st.text(min_size=1, max_size=40).filter(lambda one: bool(one.strip().strip("\ufffe\uffff")))
amounts = st.integers(1, 2_000_000_000)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(texts, texts, amounts), min_size=1, max_size=4))
def test_every_file_is_valid_and_read_back_by_the_bank(
    values: list[tuple[str, str, int]],
) -> None:
    made = []
    for number, value in enumerate(values, 1):
        try:
            made.append(payment(number, *value))
            make(made)
        except UnwritableError as error:
            assert "no name" in str(error)  # noqa: PT017 - a name of control characters only
            made.pop()
    if not made:
        return
    content = make(made)
    schema().assertValid(etree.fromstring(content))
    with NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        facts = Facts()
        items = list(read(Path(file.name), facts))
    assert [item.pence for item in items] == [one.amount_pence for one in made]
    assert (facts.rail, facts.user_number, facts.serial) == ("chaps", "123456", "000042")
    assert (facts.own_sort_code, facts.own_account) == ("802260", "00112233")


@pytest.mark.parametrize(
    ("rail", "level", "batch"),
    [
        ("bacs", "NURG", "true"),
        ("faster_payments", "URNS", "false"),
        ("chaps", "URGP", "false"),
    ],
)
def test_the_rail_is_the_service_level(rail: Rail, level: str, batch: str) -> None:
    content = make([payment(1, "A & B <Ltd>", "INV 1", 123_456)], rail).decode()
    assert f"<Cd>{level}</Cd>" in content
    assert f"<BtchBookg>{batch}</BtchBookg>" in content
    assert '<InstdAmt Ccy="GBP">1234.56</InstdAmt>' in content
    assert "<CtrlSum>1234.56</CtrlSum>" in content
    assert "A &amp; B &lt;Ltd&gt;" in content
    assert "<MmbId>201918</MmbId>" in content
    assert "SEPA" not in content
    assert "<ChrgBr>SHAR</ChrgBr>" in content


def test_the_profile_of_the_bank_is_followed() -> None:
    content = make(
        [payment(1)],
        service_level="SDVA",
        charge_bearer="SLEV",
        batch_booking=True,
        customer_id="CUST<1>",
        debtor_bic="SIMBGB2L",
    )
    schema().assertValid(etree.fromstring(content))
    for words in ("SDVA", "<ChrgBr>SLEV", "<BtchBookg>true", "CUST&lt;1&gt;", "<BICFI>SIMBGB2L"):
        assert words in content.decode()


def test_the_same_payment_has_the_same_reference_for_good() -> None:
    reference = transaction_reference(UUID(int=7))
    assert reference == transaction_reference(UUID(int=7))
    assert reference.version == 4
    assert reference != transaction_reference(UUID(int=8))


@pytest.mark.parametrize(
    "wrong",
    [
        {"line_end": "\r"},
        {"owner_name": "seven77"},
        {"owner_name": "lower"},
        {"debtor_bic": "NOT A BIC"},
        {"maximum_pence": 0},
        {"colour": "blue"},
    ],
    ids="-".join,
)
def test_a_profile_with_a_fault_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        read_profile(wrong)
    assert read_profile({}) == FileProfile()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sort_code": "20191"}, "six digits"),
        ({"account_number": "1234567x"}, "eight of account"),
        ({"amount_pence": 0}, "amount outside"),
        ({"name": "\x00 "}, "no name"),
    ],
    ids=lambda one: "-".join(one) if isinstance(one, dict) else "",
)
def test_what_no_message_can_carry_is_refused(change: dict[str, object], words: str) -> None:
    odd = FilePayment(**{**payment(1).__dict__, **change})
    with pytest.raises(UnwritableError, match=words):
        make([odd])
