import os
import secrets
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.faults.killing import Killer
from tests.faults.truth import Truth
from tests.support.patient_browser import Browser, Inbox
from tests.support.platform import Platform, running_platform
from tests.support.story import Citizen, Finance

PASSWORD = "Invented-Heather-74!"
_NUMBERS = count(1)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture
def killer(platform: Platform) -> Iterator[Killer]:
    """Whoever kills in this test; `FAULT_SEED` repeats its moments."""
    seed = int(os.environ.get("FAULT_SEED", "0")) or secrets.randbelow(1_000_000) + 1
    print(f"FAULT_SEED={seed}")  # noqa: T201 - pytest shows it beside a failure
    made = Killer(platform.home, seed)
    yield made
    made.wait_until_all_are_back()


@pytest.fixture
def truth(platform: Platform) -> Truth:
    return Truth(platform.home)


@pytest.fixture
def browsers(platform: Platform) -> Iterator[Callable[[], Browser]]:
    opened: list[Browser] = []

    def open_one() -> Browser:
        opened.append(Browser(platform.url))
        return opened[-1]

    yield open_one
    for browser in opened:
        browser.close()


@pytest.fixture
def new_citizen(platform: Platform, browsers: Callable[[], Browser]) -> Callable[[], Citizen]:
    """Make a person with an address of their own; none has an account yet."""

    def make() -> Citizen:
        email = f"citizen{next(_NUMBERS)}.{secrets.token_hex(3)}@person.example"
        inbox = Inbox(platform.values["CLACHAN_INBOX_URL"])
        return Citizen(browsers(), inbox, email, PASSWORD)

    return make


@pytest.fixture
def new_finance(platform: Platform, browsers: Callable[[], Browser]) -> Callable[[str], Finance]:
    """Make a member of the demonstration council's finance team, by role."""
    listed = Path(platform.home / "run" / "demo-people.txt").read_text(encoding="utf-8")
    password = listed.rpartition("Password of all of them:")[2].strip()

    def make(role: str) -> Finance:
        inbox = Inbox(platform.values["CLACHAN_INBOX_URL"])
        return Finance(browsers(), inbox, f"{role}@strathclachan.example", password)

    return make
