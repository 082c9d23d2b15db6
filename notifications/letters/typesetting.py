"""Sets letters as tagged PDF (PDF/UA-1) with Typst; values go in as JSON, never as source."""

import json
from functools import lru_cache

import typst

from notifications.letters.rules import FOLDER, TEMPLATES, Letter, contents_of


def typeset(letter: Letter) -> bytes:
    """Return the letter as PDF/UA-1; refuses an unknown template (KeyError).

    Raises:
        typst.TypstError: the template is broken, or PDF/UA-1 cannot be met.
    """
    if letter.template not in TEMPLATES:
        raise KeyError(letter.template)
    return typst.compile(
        FOLDER / f"{letter.template}.typ",
        root=FOLDER,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"letter": json.dumps(contents_of(letter))},
        pdf_standards="ua-1",
        timestamp=int(letter.written_at.timestamp()),
    )


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    """Return the fonts inside the package only, so that a letter looks the same everywhere."""
    return typst.Fonts(include_system_fonts=False)
