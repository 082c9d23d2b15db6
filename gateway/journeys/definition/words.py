"""Every sentence of a definition with its place, for the check that none is missing."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from gateway.journeys.definition.model import Definition, Texts


def all_texts(definition: Definition) -> Iterator[tuple[str, Texts]]:
    """Yield each sentence and where it stands; steps are named by their ids."""
    yield from _texts_in(definition, "")


def _texts_in(part: object, place: str) -> Iterator[tuple[str, Texts]]:
    if isinstance(part, Texts):
        yield place, part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _texts_in(getattr(part, name), _join(place, name))
    elif isinstance(part, Mapping):
        for name, inner in part.items():
            yield from _texts_in(inner, _join(place, str(name)))
    elif isinstance(part, tuple):
        for index, inner in enumerate(part):
            named = getattr(inner, "id", None) or getattr(inner, "value", None)
            word = named if isinstance(named, str) else str(index)
            yield from _texts_in(inner, _join(place, word))


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
