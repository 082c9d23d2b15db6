"""One platform and one browser for all journeys; chapters of a story stop at the first failure."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform import Platform, running_platform

_broken: dict[str, str] = {}


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("platform") / "home") as started:
        yield started


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the chapters of each story back into their order, which a plugin shuffles.

    Each story by itself: in the places of another its people would come and go in the middle.
    """
    stories: dict[Path, list[int]] = {}
    for place, item in enumerate(items):
        if _is_chapter(item):
            stories.setdefault(item.path, []).append(place)
    for places in stories.values():
        chapters = sorted((items[place] for place in places), key=lambda item: item.location[1])
        for place, chapter in zip(places, chapters, strict=True):
            items[place] = chapter


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
