"""The demonstration's vouchers: made once, by the same actions as people's."""

from pathlib import Path

import pytest
import yaml
from sqlalchemy import text

from payments.vouchers import commands
from shared.db import Database
from tests.payments.runs.console import make_settings
from tests.payments.runs.world import seed


def test_the_demonstration_is_made_once(
    payments_database: Database,
    payments_url: str,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with payments_database.transaction() as session:
        seed(session)
    settings = make_settings(payments_url, key_file, key_file)
    monkeypatch.setattr(commands, "get_settings", lambda: settings)
    for made in (1, 0):
        commands.seed_demo()
        assert f"payments: {made} voucher groups are new" in capsys.readouterr().out
    with payments_database.transaction() as session:
        states = session.execute(
            text("SELECT state, count(*) FROM voucher GROUP BY state ORDER BY state")
        ).all()
    assert [tuple(row) for row in states] == [("activated", 2), ("not_pre_activated", 2)]


def test_a_bad_line_of_the_file_is_no_half_demonstration(
    payments_database: Database,
    payments_url: str,
    key_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with payments_database.transaction() as session:
        seed(session)
    demo = yaml.safe_load(commands.DEMO_FILE.read_text())
    demo["groups"][0]["batches"][1]["lines"] = "nonsense"
    file = tmp_path / "demo.yaml"
    file.write_text(yaml.safe_dump(demo))
    settings = make_settings(payments_url, key_file, key_file)
    monkeypatch.setattr(commands, "get_settings", lambda: settings)
    with pytest.raises(ValueError, match="Line 1"):
        commands.seed_demo(file)
    with payments_database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM voucher_group")).scalar_one() == 0
