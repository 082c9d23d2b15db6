import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.home import Home
from deploy.local.ports import DEFAULTS, PortError, choose_ports, load_ports, setting_name


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def test_a_taken_public_port_is_an_error_that_names_the_setting(home: Home, taken: int) -> None:
    with pytest.raises(PortError, match=rf"port {taken} is taken.*CLACHAN_PORT_PUBLIC"):
        choose_ports(home, {"CLACHAN_PORT_PUBLIC": str(taken)})
    assert not (home.path / "ports.json").exists()


def test_a_set_port_is_never_replaced(home: Home, taken: int) -> None:
    with pytest.raises(PortError, match="CLACHAN_PORT_VALKEY"):
        choose_ports(home, {"CLACHAN_PORT_PUBLIC": "0", "CLACHAN_PORT_VALKEY": str(taken)})


def test_an_open_public_port_moves_when_it_is_taken(home: Home, taken: int) -> None:
    (home.path / "ports.json").write_text(f'{{"PUBLIC": {taken}}}')
    assert choose_ports(home, {"CLACHAN_PORT_PUBLIC": "0"})["PUBLIC"] != taken


def test_another_taken_port_is_replaced_and_told(
    home: Home, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DEFAULTS, "POSTGRES", taken)  # type: ignore[arg-type]  # a mapping that the test may change
    ports = choose_ports(home, {"CLACHAN_PORT_PUBLIC": "0"})
    assert ports["POSTGRES"] not in (taken, 0)
    assert f"port {taken} is taken; postgres uses {ports['POSTGRES']}" in ports.notes


def test_chosen_ports_are_remembered_and_all_different(home: Home) -> None:
    any_port = {setting_name(name): "0" for name in DEFAULTS}
    chosen = choose_ports(home, any_port)
    assert len(set(chosen.numbers.values())) == len(DEFAULTS)
    assert load_ports(home, {}).numbers == chosen.numbers
    assert choose_ports(home, any_port).numbers == chosen.numbers


@pytest.mark.parametrize("word", ["http", "-1", "70000", "80 80"])
def test_what_is_no_port_is_refused(home: Home, word: str) -> None:
    with pytest.raises(PortError, match="CLACHAN_PORT_BANK must be a port number"):
        choose_ports(home, {"CLACHAN_PORT_BANK": word})


def test_the_file_is_private(home: Home) -> None:
    choose_ports(home, {setting_name(name): "0" for name in DEFAULTS})
    mode = stat.S_IMODE((home.path / "ports.json").stat().st_mode)
    assert mode == 0o600


def test_the_govstack_port_has_the_name_that_its_callers_know(home: Home, taken: int) -> None:
    environ = {setting_name(name): "0" for name in DEFAULTS if name != "GOVSTACK"}
    with pytest.raises(PortError, match=f"port {taken} is taken"):
        choose_ports(home, environ | {"GOVSTACK_PORT": str(taken)})
    assert choose_ports(home, environ | {"GOVSTACK_PORT": "0"})["GOVSTACK"] not in (0, taken)
