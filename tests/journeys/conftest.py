"""One platform and one browser for all journeys; chapters of a story stop at the first failure."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform import Platform, running_platform

_HERE = Path(__file__).parent
_broken: dict[str, str] = {}


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("platform") / "home") as started:
        yield started


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell all journeys in the order in which they are written, which a plugin shuffles.

    They share one platform, its bank and the day there. And each is told without a break: tests of
    another file in the middle would send its people away.
    """
    journeys = [item for item in items if item.path.parent == _HERE]
    others = [item for item in items if item.path.parent != _HERE]
    items[:] = [*others, *sorted(journeys, key=lambda item: item.location[:2])]


def _is_chapter(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and getattr(item.module, "IN_ORDER", False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        _broken.setdefault(str(item.path), item.name)
    return report


@pytest.fixture(autouse=True)
def _chapter(request: pytest.FixtureRequest) -> None:
    """Fail at once what stands on a chapter that failed, so that one fault is told once."""
    earlier = _broken.get(str(request.node.path))
    if earlier and _is_chapter(request.node):
        pytest.fail(f"{earlier} failed before")
