"""Reads the reference data files; their sources are in `gateway/reference/SOURCES.md`."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from gateway.catalogue.entry import Entry, general_entry_from

FOLDER = Path(__file__).resolve().parents[1] / "reference"


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """A situation under which people look for services."""

    slug: str
    name_en: str
    name_gd: str


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of a reference CSV file."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def records_of(name: str) -> list[Mapping[str, object]]:
    """The records of a reference YAML file, which is a list of mappings."""
    found: list[Mapping[str, object]] = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return found


@cache
def synonyms() -> Mapping[str, str]:
    """What a word or phrase also means; the keys are folded as queries are."""
    return {row["term"]: row["means"] for row in rows_of("synonyms.csv")}


@cache
def life_events() -> Mapping[str, LifeEvent]:
    """The life events by slug, in the order in which pages show them."""
    return {row["slug"]: LifeEvent(**row) for row in rows_of("life_events.csv")}


def general_entries() -> list[Entry]:
    """The kinds of service that every council supplies."""
    return [general_entry_from(record) for record in records_of("catalogue.yaml")]
