import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy import compose
from deploy.local.home import ROOT


def test_the_compose_file_has_the_processes_of_make_run() -> None:
    assert compose.check() == []


def test_a_public_port_or_a_floating_image_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    document["services"]["envoy"]["ports"] = ["8000:8000"]
    document["services"]["valkey"]["image"] = "valkey:latest"
    del document["services"]["gateway-worker"]
    (tmp_path / "docker-compose.yml").write_text(yaml.safe_dump(document))
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    assert set(compose.check()) == {
        "missing process gateway-worker",
        "valkey: image without a fixed version",
        "envoy: port 8000:8000 is not on the loopback address",
    }


def test_prepare_keeps_secrets_and_knows_only_paths_of_the_image(tmp_path: Path) -> None:
    compose.prepare(tmp_path)
    first = (tmp_path / "settings.env").read_text()
    compose.prepare(tmp_path)
    assert (tmp_path / "settings.env").read_text() == first
    assert str(tmp_path) not in first
    assert "@postgres:5432/clachan" in first
    assert oct((tmp_path / "settings.env").stat().st_mode)[-3:] == "600"


def test_the_check_script_passes_without_an_engine() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.compose", "check"], cwd=ROOT, check=False, text=True
    )
    assert done.returncode == 0
