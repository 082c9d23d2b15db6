"""How files of an account reach the bank, set by an operator."""

from pathlib import Path

import pytest

from payments.bank.submissions import commands
from payments.bank.submissions.routes import find_route
from payments.settings import PaymentsSettings
from shared.errors import Invalid, Problem
from tests.payments.bank.bank_day import BODY, BankDay
from tests.payments.runs.console import make_settings


@pytest.fixture
def settings(
    payments_url: str, key_file: Path, private_key: Path, monkeypatch: pytest.MonkeyPatch
) -> PaymentsSettings:
    made = make_settings(payments_url, key_file, private_key)
    monkeypatch.setattr(commands, "get_settings", lambda: made)
    return made


@pytest.mark.usefixtures("settings")
def test_a_route_is_set_shown_and_kept(
    day: BankDay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.set_bank_route([BODY, "main", "bacs"])
    assert capsys.readouterr().out == "bacs: standard18 over https, defaults\n"
    profile = tmp_path / "bank.yaml"
    profile.write_text('line_end: "\\n"\nowner_name: BANK01\n')
    asked = ["--format", "standard18", "--channel", "sftp", "--profile", str(profile)]
    commands.set_bank_route([BODY, "main", "bacs", *asked])
    assert "standard18 over sftp" in capsys.readouterr().out
    with day.database.transaction() as session:
        found = find_route(session, day.account, "bacs")
        other = find_route(session, day.account, "chaps")
    assert (found.channel, found.profile.owner_name) == ("sftp", "BANK01")
    assert (other.file_format, other.channel) == ("pain.001.001.09", "https")


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody", "main", "bacs", "--format", "standard18"],
        [BODY, "other", "bacs", "--format", "standard18"],
        [BODY, "main", "chaps", "--format", "standard18"],
    ],
    ids=["body", "account", "chaps"],
)
def test_what_is_not_possible_is_refused(day: BankDay, arguments: list[str]) -> None:
    with pytest.raises(Problem):
        commands.set_bank_route(arguments)
    with day.database.transaction() as session:
        assert find_route(session, day.account, "bacs").channel == "https"


@pytest.mark.usefixtures("settings")
def test_a_profile_with_a_fault_is_refused(day: BankDay, tmp_path: Path) -> None:
    profile = tmp_path / "bank.yaml"
    profile.write_text("colour: blue\n")
    with pytest.raises(Invalid) as caught:
        commands.set_bank_route(
            [BODY, "main", "bacs", "--format", "standard18", "--profile", str(profile)]
        )
    assert [one.field for one in caught.value.fields] == ["colour"]
    with day.database.transaction() as session:
        assert find_route(session, day.account, "bacs").profile.owner_name == ""
