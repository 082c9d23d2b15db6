"""Which names are possibly the same."""

import io
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.screening.loading import (
    UK_SANCTIONS_LIST,
    ListMapping,
    ListUnreadableError,
    read_list,
)
from payments.screening.rules import ListedName, NameIndex, plain_name, sound_key
from shared.ids import public_id
from tests.payments.screening.lists import ALIAS, FIRM, ONE_WORD, VILLAIN, list_of


def index(score: int = 90) -> NameIndex:
    read = read_list(io.BytesIO(list_of(VILLAIN, ALIAS, FIRM, ONE_WORD)), UK_SANCTIONS_LIST)
    return NameIndex([name for name, _ in read.names], score)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("Boris Grigory Villainov", "ZZZ0001"),
        ("VILLAINOV, Boris", "ZZZ0001"),
        ("Mr Bóris Villaïnov", "ZZZ0001"),
        ("Borys Villainoff", "ZZZ0001"),
        ("Boris Vilainov", "ZZZ0001"),
        ("Evilcorp Trading Limited", "ZZZ0002"),
        ("Shadowfleet", "ZZZ0003"),
        ("Shadowfleet Shipping", "ZZZ0003"),
    ],
)
def test_possible_matches(name: str, entry: str) -> None:
    assert [match.entry_id for match in index().find(name)] == [entry]


@pytest.mark.parametrize(
    "name", ["Morag Fictional", "Boris Smith", "Trading Standards", "V", "", "— — —", "李 明"]
)
def test_other_names(name: str) -> None:
    assert index().find(name) == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_can_be_compared(name: str) -> None:
    assert all(90 <= match.score <= 100 for match in index().find(name))
    assert plain_name(plain_name(name)) == plain_name(plain_name(plain_name(name)))


def test_a_sound_key_folds_spellings() -> None:
    assert sound_key("villainov") == sound_key("vilainoff")


def test_a_list_says_which_column_is_missing() -> None:
    content = list_of(VILLAIN).replace(b"Unique ID", b"Unique Number")
    with pytest.raises(ListUnreadableError, match="the heading has no Unique ID"):
        read_list(io.BytesIO(content), UK_SANCTIONS_LIST)


def test_a_mapping_reads_another_heading() -> None:
    mapping = ListMapping.from_json({"entry_id": "id", "name": "whole"})
    read = read_list(io.BytesIO(b"id,whole\n7,Boris Villainov\n"), mapping)
    assert [name.name for name, _ in read.names] == ["Boris Villainov"]


@pytest.mark.parametrize(
    "given_mapping",
    [
        {},
        {"entry_id": "a"},
        {"entry_id": "a", "name": []},
        {"entry_id": "a", "name": "b", "x": "c"},
    ],
    ids=["empty", "no name", "no columns", "unknown member"],
)
def test_a_mapping_that_says_too_little_is_refused(given_mapping: dict[str, object]) -> None:
    with pytest.raises(ListUnreadableError):
        ListMapping.from_json(given_mapping)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    for prefix in (b"", list_of(VILLAIN)):
        with suppress(ListUnreadableError):
            assert read_list(io.BytesIO(prefix + content), UK_SANCTIONS_LIST).names


def test_many_names_are_compared_quickly() -> None:
    listed = [
        ListedName(str(number), b"", f"{public_id()[:7]} {public_id()[:9]}", "")
        for number in range(20_000)
    ]
    found = NameIndex([*listed, ListedName("x", b"", "Boris Villainov", "")], 90)
    names = [f"{public_id()[:6]} {public_id()[:8]}" for _ in range(2_000)]
    began = time.process_time()
    for name in names:
        found.find(name)
    # The slowest machine of ours needs a tenth of this; a comparison with every name a hundredfold.
    assert (time.process_time() - began) / len(names) < 0.002
    assert found.find("Boris Villainov")[0].entry_id == "x"
