"""The algorithm with an invented table: the operator's real one is licensed and not here."""

import os
from pathlib import Path

import pytest

from payments.payees.commands import check_modulus_cases
from payments.payees.modulus.check import check_account
from payments.payees.modulus.tables import (
    ModulusTables,
    TableError,
    TableFiles,
    WeightRow,
    parse_substitutions,
    parse_weights,
)
from payments.settings import get_settings
from shared.errors import Invalid

ONES = (0,) * 6 + (1,) * 8
STANDARD = (0,) * 6 + (7, 5, 8, 3, 4, 6, 2, 1)
DOUBLE = (2, 1) * 7


def tables(*rows: WeightRow, substitutions: dict[str, str] | None = None) -> ModulusTables:
    return ModulusTables(rows, substitutions or {}, "test")


def row(method: str, weights: tuple[int, ...], exception: str = "") -> WeightRow:
    return WeightRow(100000, 199999, method, weights, exception)  # type: ignore[arg-type]  # a double, or a value that the test chose


def result(loaded: ModulusTables, sort_code: str, account: str) -> str:
    return check_account(loaded, sort_code, account).result


# The worked examples of the contract.


def test_the_worked_double_alternate_example() -> None:
    answer = check_account(tables(WeightRow(499273, 499273, "DBLAL", DOUBLE)), "499273", "12345678")
    assert (answer.rows[0].total, answer.rows[0].remainder, answer.result) == (70, 0, "valid")


def test_the_worked_modulus_11_example() -> None:
    answer = check_account(tables(WeightRow(0, 0, "MOD11", STANDARD)), "000000", "58177632")
    assert (answer.rows[0].total, answer.result) == (176, "valid")


def test_the_worked_exception_14_example() -> None:
    row_14 = WeightRow(180002, 180002, "MOD11", (0,) * 6 + (8, 7, 6, 5, 4, 3, 2, 1), "14")
    # 00000190 totals 21 and fails; 00000019 totals 11.
    answer = check_account(tables(row_14), "180002", "00000190")
    assert (answer.rows[0].total, answer.result) == (11, "valid")


def test_without_tables_nothing_passes_silently() -> None:
    answer = check_account(None, "499273", "12345678")
    assert answer.result == "not_checked"
    assert "not checked" in answer.explanation


def test_a_sort_code_without_a_row_is_not_checkable() -> None:
    assert result(tables(row("MOD10", ONES)), "990001", "12345678") == "not_checkable"


@pytest.mark.parametrize(("account", "expected"), [("00000019", "valid"), ("00000018", "invalid")])
def test_modulus_10(account: str, expected: str) -> None:
    assert result(tables(row("MOD10", ONES)), "100000", account) == expected


def test_every_row_must_pass() -> None:
    both = tables(row("MOD10", ONES), row("MOD11", ONES))
    assert result(both, "100000", "00000019") == "invalid"
    assert result(both, "100000", "99999999") == "invalid"
    assert result(both, "100000", "00000000") == "valid"


def test_exception_1_adds_27() -> None:
    weights = (0,) * 13 + (1,)
    assert result(tables(row("DBLAL", weights, "1")), "100000", "00000003") == "valid"
    assert result(tables(row("DBLAL", weights)), "100000", "00000003") == "invalid"


def test_exceptions_2_and_9_are_an_either_or_with_their_own_weights() -> None:
    never = (0,) * 5 + (1,) + (0,) * 8
    nine_passes = tables(row("MOD11", never, "2"), row("MOD11", (0,) * 13 + (1,), "9"))
    # a is 0, so row 1 uses its own weights: sort code digit 5 leaves remainder 5.
    assert result(nine_passes, "100005", "00000000") == "valid"
    assert result(nine_passes, "100005", "00000001") == "invalid"
    # a is 1 and g is not 9: weights 0 0 1 2 5 3 6 4 8 7 10 9 3 1 replace the row's own.
    answer = check_account(nine_passes, "100000", "10000005")
    assert answer.rows[0].total == 1 * 1 * 0 + 6 + 5
    assert answer.result == "valid"
    # g is 9: only 8 7 10 9 3 1 on c to h.
    answer = check_account(nine_passes, "100000", "10000096")
    assert answer.rows[0].total == 9 * 3 + 6
    assert answer.result == "valid"


def test_exception_9_checks_another_sort_code() -> None:
    weights = (1,) * 6 + (0,) * 8
    loaded = tables(row("MOD10", (0,) * 13 + (1,), "2"), row("MOD11", weights, "9"))
    answer = check_account(loaded, "100000", "00000001")
    assert answer.rows[1].total == 3 + 0 + 9 + 6 + 3 + 4


@pytest.mark.parametrize(("c", "expected"), [("6", "valid"), ("9", "valid"), ("5", "invalid")])
def test_exception_3_skips_the_double_alternate_row(c: str, expected: str) -> None:
    loaded = tables(row("MOD10", (0,) * 14), row("DBLAL", (0,) * 13 + (1,), "3"))
    assert result(loaded, "100000", f"00{c}00001") == expected


def test_exception_4_compares_the_remainder_with_the_last_two_digits() -> None:
    weights = (0,) * 6 + (1, 0, 0, 0, 0, 0, 0, 0)
    loaded = tables(row("MOD11", weights, "4"))
    assert result(loaded, "100000", "70000007") == "valid"
    assert result(loaded, "100000", "70000008") == "invalid"


def test_exception_5_uses_the_check_digits_and_a_substitute() -> None:
    weights = (0, 0, 0, 0, 0, 1) + (0,) * 8
    loaded = tables(row("MOD11", weights, "5"), substitutions={"100001": "100004"})
    # The substitute's last digit is 4, so g must be 11 - 4 = 7.
    assert result(loaded, "100001", "00000070") == "valid"
    assert result(loaded, "100001", "00000000") == "invalid"
    # Remainder 0 needs g = 0, remainder 1 fails with every g.
    assert result(loaded, "100000", "00000000") == "valid"
    one = tables(row("MOD11", weights, "5"))
    assert all(result(one, "100001", f"000000{g}0") == "invalid" for g in range(10))
    double = tables(row("DBLAL", weights, "5"))
    assert result(double, "100003", "00000007") == "valid"
    assert result(double, "100003", "00000000") == "invalid"
    assert result(double, "100000", "00000000") == "valid"


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("40000011", "not_checkable"),
        ("80000011", "not_checkable"),
        ("30000011", "invalid"),
        ("40000012", "invalid"),
        ("90000011", "invalid"),
    ],
)
def test_exception_6_is_a_foreign_currency_account(account: str, expected: str) -> None:
    loaded = tables(row("MOD11", (0,) * 12 + (1, 1), "6"))
    assert result(loaded, "100000", account) == expected


def test_exception_7_drops_weights_when_g_is_9() -> None:
    weights = (0,) * 5 + (1,) + (0,) * 8
    loaded = tables(row("MOD11", weights, "7"))
    assert result(loaded, "100005", "00000090") == "valid"
    assert result(loaded, "100005", "00000080") == "invalid"


def test_exception_8_checks_another_sort_code() -> None:
    weights = (1,) * 6 + (0,) * 8
    answer = check_account(tables(row("MOD11", weights, "8")), "100000", "00000000")
    assert answer.rows[0].total == 0 + 9 + 0 + 1 + 2 + 6


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("09000090", "valid"),
        ("99000090", "valid"),
        ("19000090", "invalid"),
        ("09000080", "invalid"),
    ],
)
def test_exception_10_with_11_is_an_either_or(account: str, expected: str) -> None:
    failing = (0,) * 5 + (1,) + (0,) * 8
    loaded = tables(row("MOD11", failing, "10"), row("MOD11", failing, "11"))
    assert result(loaded, "100005", account) == expected


def test_exceptions_12_and_13_are_an_either_or() -> None:
    first, second = (0,) * 13 + (1,), (0,) * 12 + (1, 0)
    loaded = tables(row("MOD11", first, "12"), row("MOD10", second, "13"))
    assert result(loaded, "100000", "00000010") == "valid"
    assert result(loaded, "100000", "00000001") == "valid"
    assert result(loaded, "100000", "00000011") == "invalid"


def test_exception_14_tries_again_without_the_last_digit() -> None:
    loaded = tables(row("MOD11", (0,) * 12 + (2, 1), "14"))
    # 1·2 + 9·1 = 11: valid at once.
    assert result(loaded, "100000", "00000019") == "valid"
    # 1·2 + 0 fails; h is 0; 0000001 shifted gives 0·2 + 1·1 fails too.
    assert result(loaded, "100000", "00000010") == "invalid"
    # 9·2 + 0 = 18 fails; h is 0; shifted 1·2 + 9·1 = 11 passes.
    assert result(loaded, "100000", "00000190") == "valid"
    # The same with h = 5 is not tried again.
    assert result(loaded, "100000", "00000195") == "invalid"


# Loading.

LINE = "100000 199999 MOD11 0 0 0 0 0 0 7 5 8 3 4 6 2 1"


def test_weight_rows_are_read_with_signs_and_exceptions() -> None:
    rows = parse_weights(f"{LINE}\n\n{LINE.replace('7', '-7')} 14\n")
    assert [one.exception for one in rows] == ["", "14"]
    assert rows[1].weights[6] == -7


@pytest.mark.parametrize(
    "line",
    [
        "x",
        LINE.replace("MOD11", "MOD12"),
        f"{LINE} 15",
        f"{LINE} 1 1",
        LINE.replace("7", "a"),
        LINE.replace("199999", "099999"),
    ],
)
def test_other_lines_are_refused_with_their_number(line: str) -> None:
    with pytest.raises(TableError, match="line 2"):
        parse_weights(f"{LINE}\n{line}")


def test_substitutions_are_pairs() -> None:
    assert parse_substitutions("100000 200000\n") == {"100000": "200000"}
    with pytest.raises(TableError, match="line 1"):
        parse_substitutions("100000 2000")


def test_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    weights = tmp_path / "weights.txt"
    files = TableFiles(weights, tmp_path / "none.txt")
    assert files.load() is None
    weights.write_text(LINE)
    first = files.load()
    assert first is not None
    assert files.load() is first
    weights.write_text(f"{LINE}\n{LINE} 7")
    os.utime(weights, (1, 1))
    second = files.load()
    assert second is not None
    assert len(second.rows) == 2
    assert second.version != first.version


def test_the_case_file_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, cases = tmp_path / "weights.txt", tmp_path / "cases.txt"
    weights.write_text(LINE.replace("100000 199999", "000000 199999"))
    cases.write_text(
        "# invented\n10-00-00 58177632 valid\n100000, 58177633, invalid # off by one\n"
    )
    for name, value in {
        "PUBLIC_URL": "http://localhost:8000",
        "PORT": "1",
        "DATABASE_URL": "postgresql+psycopg://x/x",
        "BROKER_URL": "redis://x",
        "SECRET_KEY": "x",
        "ENVIRONMENT": "test",
        "ENCRYPTION_KEY_FILE": "x",
        "BANK_URL": "x",
        "PAYEE_NAMES_URL": "x",
        "MODULUS_WEIGHTS_FILE": str(weights),
    }.items():
        monkeypatch.setenv(f"PAYMENTS_{name}", value)
    get_settings.cache_clear()
    try:
        check_modulus_cases([str(cases)])
        assert capsys.readouterr().out.count("ok  ") == 2
        cases.write_text("100000 58177632 invalid\n")
        with pytest.raises(Invalid, match="1 cases differ"):
            check_modulus_cases([str(cases)])
    finally:
        get_settings.cache_clear()


def test_new_files_that_cannot_be_read_leave_the_tables_of_before(tmp_path: Path) -> None:
    weights = tmp_path / "weights.txt"
    files = TableFiles(weights, None)
    weights.write_text("broken")
    with pytest.raises(TableError, match="line 1"):
        files.load()
    weights.write_text("990001 990001 MOD10 0 0 0 0 0 0 1 1 1 1 1 1 1 1")
    os.utime(weights, ns=(1, 1))
    before = files.load()
    assert before is not None
    weights.write_text("broken again")
    os.utime(weights, ns=(2, 2))
    assert files.load() is before


def test_an_answer_tells_its_row_and_the_sort_code_it_was_checked_as() -> None:
    tables = ModulusTables(
        parse_weights("080000 080999 MOD11 0 0 0 0 0 0 8 7 6 5 4 3 2 1 8"), {}, "v"
    )
    row = check_account(tables, "080090", "06774744").rows[0]
    assert (row.sort_codes, row.checked_as) == ("080000-080999", "090126")
