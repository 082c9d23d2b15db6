"""The collected assets: complete, relative addresses intact, versioned, refused when missing."""

import json
import re
from pathlib import Path

import pytest

from deploy import assets

pytestmark = pytest.mark.skipif(
    not assets.PACKAGES.is_dir(), reason="the packages of deploy/node are not installed"
)


def test_every_address_inside_a_style_sheet_leads_to_a_file(tmp_path: Path) -> None:
    manifest = assets.collect(tmp_path)
    for name in ("fonts.css", "clachan.css", "figures.css"):
        sheet = tmp_path / manifest[name]
        found = re.findall(r'url\("([^"]+)"\)', sheet.read_text(encoding="utf-8"))
        assert all((sheet.parent / address).is_file() for address in found)
    assert len({path.split("/")[0] for path in manifest.values()}) == 1
    assert json.loads((tmp_path / assets.MANIFEST).read_text(encoding="utf-8")) == manifest


def test_collecting_twice_changes_nothing(tmp_path: Path) -> None:
    first = assets.collect(tmp_path)
    assert assets.collect(tmp_path) == first
    assert len(list(tmp_path.iterdir())) == 2


def test_another_content_gets_another_version_and_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = assets.collect(tmp_path / "target")
    own = tmp_path / "own"
    own.mkdir()
    (own / "clachan.css").write_text("body {}", encoding="utf-8")
    monkeypatch.setattr(assets, "OWN", own)
    second = assets.collect(tmp_path / "target")
    assert first["clachan.css"] != second["clachan.css"]
    assert (tmp_path / "target" / first["clachan.css"]).is_file()


def test_a_missing_package_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "PACKAGES", tmp_path / "node_modules")
    with pytest.raises(assets.AssetsMissingError, match="npm ci"):
        assets.collect(tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((assets.PACKAGES.parent / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all("resolved" not in entry and entry["integrity"] for entry in packages.values())
