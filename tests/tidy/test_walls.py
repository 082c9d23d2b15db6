"""Walls that need the services themselves: routes, topics, tables, settings."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter

from shared import outbox

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("identity", "payments", "notifications", "gateway")
DECISIONS = ("require_", "signed_in", "find_web_session", "public", "authenticated_by")


def _routers(service: str) -> Iterator[tuple[str, APIRoute]]:
    for path in sorted((ROOT / service).rglob("*.py")):
        if path.stem not in {"api", "pages", "webhooks", "endpoints"} and not path.stem.endswith(
            "_pages"
        ):
            continue
        if "simulator" in path.parts:
            continue
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = importlib.import_module(name)
        for value in vars(module).values():
            if isinstance(value, APIRouter | FastAPI):
                routes = value.routes if isinstance(value, APIRouter) else value.router.routes
                yield from ((name, route) for route in routes if isinstance(route, APIRoute))


def _calls(dependant: Dependant) -> Iterator[str]:
    for inner in dependant.dependencies:
        yield getattr(inner.call, "__name__", type(inner.call).__name__)
        yield from _calls(inner)


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_has_an_authentication_decision(service: str) -> None:
    routes = list(_routers(service))
    assert routes, "no routes found: this test would prove nothing"
    undecided = [
        f"{name} {sorted(route.methods)} {route.path}"
        for name, route in routes
        if not any(call.startswith(DECISIONS) for call in _calls(route.dependant))
    ]
    assert not undecided


@pytest.mark.parametrize("service", SERVICES)
def test_every_topic_written_has_a_worker(service: str) -> None:
    importlib.import_module(f"{service}.worker")
    handled = set(outbox.topics())
    written = {
        topic
        for path in (ROOT / service).rglob("*.py")
        if "simulator" not in path.parts
        for topic in re.findall(rf'"({service}\.[a-z_]+\.[a-z_]+)"', path.read_text())
        if re.search(rf'enqueue\([^)]*"{re.escape(topic)}"', path.read_text(), re.DOTALL)
    }
    assert written <= handled
    assert all(topic.split(".")[0] in SERVICES for topic in handled)


@pytest.mark.parametrize("service", SERVICES)
def test_tables_stay_in_their_schema(service: str) -> None:
    metadata = importlib.import_module(f"{service}.db").metadata
    assert metadata.tables
    for table in metadata.tables.values():
        assert table.schema == service
        assert all(key.column.table.schema == service for key in table.foreign_keys), table.name
