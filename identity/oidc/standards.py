"""Makes docs/standards.md from the four lines at the top of each specification's file."""

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
TARGET = _HERE.parents[1] / "docs" / "standards.md"
_FIRST = re.compile(r"(?P<title>.+?): (?P<link>https://\S+)")
_FACTS = ("Implemented", "Left out", "By")
_INTRODUCTION = """\
# Standards

What the identity service implements of each specification, what it leaves out and why, and whether
a library or the product itself does it. This page is made from the first lines of the files in
`identity/oidc/` by `python -m identity.oidc.standards`; change it there.
"""


class HeaderError(ValueError):
    """A specification's file does not open with its four lines."""


@dataclass(frozen=True)
class Specification:
    """The four lines of one file."""

    file: str
    title: str
    link: str
    implemented: str
    left_out: str
    by: str


def read_specifications() -> list[Specification]:
    """Return the headers of all specifications' files, in the order of their names.

    Raises:
        HeaderError: a file named after a specification has no such header.
    """
    found = []
    for path in sorted(_HERE.glob("*.py")):
        lines = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()
        is_specification = path.name.startswith(("rfc", "core_"))
        if is_specification or (lines and _FIRST.fullmatch(lines[0])):
            found.append(_read(path.name, lines))
    return found


def _read(file: str, lines: list[str]) -> Specification:
    first = _FIRST.fullmatch(lines[0]) if lines else None
    facts = [
        line.partition(": ")[2]
        for name, line in zip(_FACTS, lines[1:], strict=False)
        if line.startswith(f"{name}: ")
    ]
    if first is None or len(facts) != len(_FACTS) or len(lines) != len(_FACTS) + 1:
        raise HeaderError(f"{file} must open with title and link, {', '.join(_FACTS)}")
    return Specification(file, first["title"], first["link"], *facts)


def make_page() -> str:
    """Return the whole page."""
    sections = (
        f"\n## [{one.title}]({one.link})\n\n"
        f"- Implemented: {one.implemented}\n"
        f"- Left out: {one.left_out}\n"
        f"- By: {one.by}\n"
        f"- Code: `identity/oidc/{one.file}`\n"
        for one in read_specifications()
    )
    return _INTRODUCTION + "".join(sections)


def main() -> int:
    """Write the page."""
    TARGET.write_text(make_page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
