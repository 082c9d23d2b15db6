"""Reads definition files: YAML without surprises, as plain JSON values."""

from collections.abc import Hashable
from datetime import date
from pathlib import Path

import yaml

from gateway.eligibility.reader import DefinitionError
from shared.errors import FieldError


class _Loader(yaml.SafeLoader):
    """Plain YAML that refuses a key written twice."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - as in the library
    ) -> dict[Hashable, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_definition(path: Path) -> dict[str, object]:
    """Return a definition file as plain JSON values, dates as 2026-04-01.

    Raises DefinitionError for what is not YAML and for a file that holds no mapping.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise DefinitionError((FieldError(path.name, str(error)),)) from error
    plain = _plain(found)
    if not isinstance(plain, dict):
        raise DefinitionError((FieldError(path.name, "the file must hold names and values"),))
    return plain


def _plain(found: object) -> object:
    if isinstance(found, dict):
        return {str(name): _plain(value) for name, value in found.items()}
    if isinstance(found, list):
        return [_plain(value) for value in found]
    return found.isoformat() if isinstance(found, date) else found
