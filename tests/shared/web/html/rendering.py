"""A plain Jinja environment with what the pages' environment promises its templates."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lxml import html
from markupsafe import Markup

from shared.web import language as languages

REPOSITORY = Path(__file__).resolve().parents[4]
FOLDERS = (REPOSITORY / "shared" / "web" / "html", Path(__file__).parent / "templates")


def make_environment(language: str = "en", assets: Mapping[str, str] | None = None) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = languages.load(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # an extension adds it
        words.gettext, words.ngettext, newstyle=True
    )
    known = assets or {}
    environment.globals["asset"] = lambda name: f"/assets/{known.get(name, name)}"
    environment.globals["csrf_input"] = lambda: Markup(
        '<input type="hidden" name="csrf_token" value="a-token">'
    )
    return environment


def render(source: str, language: str = "en", **values: object) -> html.HtmlElement:
    """Render a piece of template that begins with its own imports, and parse what comes out."""
    text = make_environment(language).from_string(source).render(**values)
    return html.fragment_fromstring(text, create_parent="div")


def render_macro(name: str, params: Mapping[str, object], language: str = "en") -> html.HtmlElement:
    """Call one component's macro with one dict, imported without context as templates do."""
    source = f'{{% from "components/{name}.html" import {name} %}}{{{{ {name}(params) }}}}'
    return render(source, language, params=params)


def only(element: html.HtmlElement, path: str) -> html.HtmlElement:
    """Return the one element that a path finds; a test fails when there are more or none."""
    (found,) = element.xpath(path)
    return found


def has_class(name: str) -> str:
    """Return the XPath condition that an element has a class among others."""
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"
