"""The pages for officers, auditors and integrators say what is there."""

import re
from pathlib import Path

import pytest

from payments.app import make_payments_api
from payments.webhooks.rules import EVENT_TYPES

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs" / "payments"


def test_every_test_that_the_auditors_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[^`]+\.py)::(test_\w+)`", (DOCS / "auditor.md").read_text())
    assert len(named) > 30
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file()
        or not re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE)
    ]
    assert not missing


def test_every_call_that_the_integrators_page_names_is_there() -> None:
    page = (DOCS / "integrator.md").read_text()
    known = {re.sub(r"\{\w+\}", "{}", path) for path in make_payments_api().openapi()["paths"]}
    in_tables = re.findall(r"`(?:[A-Z`, ]+ )?(/(?:webhooks|payees|name-|confirm)[^`? ]*)", page)
    in_shell = re.findall(r"\$CLACHAN_PAYMENTS_API(/[^\"? ]+)", page)
    said = {re.sub(r"\{\w+\}|\$\w+", "{}", path) for path in (*in_tables, *in_shell)}
    assert len(said) >= 10
    assert said <= known


def test_every_event_is_described() -> None:
    page = (DOCS / "webhooks.md").read_text()
    assert [name for name in EVENT_TYPES if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", (DOCS / page).read_text())
    assert [target for target in targets if not (DOCS / target).exists()] == []
