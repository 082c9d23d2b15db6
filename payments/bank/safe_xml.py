"""XML from outside: no document types, no entities, no network, an error with its line."""

from collections.abc import Iterator

from lxml import etree

_MAXIMUM_BYTES = 64 * 1024 * 1024


class UnreadableError(ValueError):
    """A document that cannot be read; says in which line and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def parse_xml(content: bytes) -> etree._Element:
    """Return the root of a document; refuses what is not well formed, too large or has a DOCTYPE.

    Raises:
        UnreadableError: with line and reason.
    """
    if len(content) > _MAXIMUM_BYTES:
        raise UnreadableError(0, "larger than 64 MB")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableError(error.lineno or 0, error.msg or "not XML") from None
    except ValueError as error:
        raise UnreadableError(0, str(error)) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableError(1, "a document type is not taken")
    return root


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace, empty for comments."""
    return str(element.tag).rpartition("}")[2]


def line_of(element: etree._Element) -> int:
    """Return the line on which an element begins."""
    line: object = element.sourceline
    return line if isinstance(line, int) else 0


def each(parent: etree._Element, path: str) -> Iterator[etree._Element]:
    """Yield the elements below one that a path of local names leads to."""
    first, _, rest = path.partition("/")
    for element in parent:
        if local(element) == first:
            if rest:
                yield from each(element, rest)
            else:
                yield element


def text_at(parent: etree._Element, *paths: str) -> str:
    """Return the text of the first element that one of the paths leads to, empty for none."""
    for path in paths:
        for element in each(parent, path):
            if element.text and element.text.strip():
                return element.text.strip()
    return ""
