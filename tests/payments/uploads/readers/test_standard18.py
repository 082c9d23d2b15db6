"""Standard 18 files of any size, against the strict reader of whole files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.bank.standard18_reader import read_file
from payments.uploads.rules import ReadError, to_pounds
from tests.payments.uploads.files import rows, standard18_of, total
from tests.payments.uploads.readers.reading import column, read

CONTENT = rows(7)
GOOD = standard18_of(CONTENT)
LINES = GOOD.decode().split("\r\n")


def changed(line: int, first: int, text: str) -> bytes:
    lines = list(LINES)
    found = lines[line]
    lines[line] = found[: first - 1] + text + found[first - 1 + len(text) :]
    return "\r\n".join(lines).encode()


def test_it_says_what_the_strict_reader_says() -> None:
    records, reader = read(GOOD, "standard18")
    strict = read_file(GOOD)
    assert [(fields[0], fields[1], fields[2], fields[3], fields[4]) for _, fields in records] == [
        (
            one.sort_code,
            one.account_number,
            one.name,
            to_pounds(one.amount_pence),
            one.reference,
        )
        for one in strict.credits
    ]
    assert (reader.claims.count, reader.claims.pence) == (7, total(CONTENT))
    assert [line for line, _ in records] == list(range(5, 12))


def test_line_feeds_alone_end_lines() -> None:
    records, _ = read(GOOD.replace(b"\r\n", b"\n"), "standard18")
    assert column(records, "reference")[0] == "GRANT-0000000"


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (changed(0, 1, "VOL2"), 1, "VOL1"),
        (changed(0, 5, "000000"), 1, "serial is zero"),
        (changed(1, 6, "111111"), 2, "differs from VOL1"),
        (changed(2, 11, "00200"), 3, "record length"),
        (changed(3, 5, " 26999"), 4, "no date"),
        (changed(5, 16, "01"), 6, "only credits"),
        (changed(5, 16, "0N"), 6, "only credits"),
        (changed(6, 36, "0000000000X"), 7, "amount at 36-46"),
        (changed(6, 1, "99000A"), 7, "destination"),
        (changed(11, 36, "00000000001"), 13, "contra records differ"),
        (changed(14, 5, "0000000000001"), 15, "debit total"),
        (changed(14, 31, "0000009"), 15, "debit count"),
        (changed(4, 83, "\x01"), 5, "no bank takes"),
        (GOOD[:690], 9, "before EOF1"),
        (b"\r\n".join(GOOD.split(b"\r\n")[:8]), 9, "before EOF1"),
        (GOOD + b"MORE\r\n", 16, "follows UTL1"),
        (b"", 1, "VOL1"),
        (b"V" * 5_000, 1, "too long"),
    ],
)
def test_faults_name_their_line(content: bytes, line: int, reason: str) -> None:
    with pytest.raises(ReadError, match=reason) as caught:
        read(content, "standard18")
    assert caught.value.line == line


def test_a_wrong_trailer_is_what_the_file_claims() -> None:
    _, reader = read(changed(14, 18, "0000000000001"), "standard18")
    assert reader.claims.pence == 1


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=30), st.integers(0, len(GOOD)))
def test_no_change_breaks_the_reader(at: int, change: bytes, end: int) -> None:
    content = (GOOD[:at] + change + GOOD[at + len(change) :])[: max(end, 1)]
    try:
        records, _ = read(content, "standard18")
    except ReadError as error:
        assert error.line >= 1  # noqa: PT017 - what the error carries is the point
    else:
        assert len(records) == 7
