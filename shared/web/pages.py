"""Rendering: Jinja templates over the design system, in the reader's language."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import date, datetime
from pathlib import Path
from typing import TypedDict

import jinja2
from babel.dates import format_date, format_datetime
from fastapi import Request
from jinja2.bccache import Bucket
from starlette.responses import HTMLResponse

from shared.clock import LONDON
from shared.correlation import correlation_id
from shared.errors import FieldError, Problem
from shared.money import format_pounds
from shared.settings import ServiceSettings
from shared.web import form_token
from shared.web.assets import asset_url
from shared.web.language import LANGUAGES, load

_HERE = Path(__file__).parent
LANGUAGE_COOKIE = "lang"
_YEAR_SECONDS = 365 * 24 * 3600
_language: ContextVar[str] = ContextVar("language", default="en")


class NavigationItem(TypedDict, total=False):
    """One entry of the header's navigation."""

    text: str
    href: str
    current: bool


Extras = Callable[[Request], Mapping[str, object]]


def language_of(request: Request) -> str:
    """Return the language to answer in: just chosen, else kept, else wished for, else English."""
    chosen = (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE))
    for wanted in (*chosen, *getattr(request.state, "wished_languages", ())):
        if wanted in LANGUAGES:
            return str(wanted)
    return "en"


def wish_language(request: Request, tags: str | None) -> None:
    """Note which languages a service wishes for its pages; a person's own choice counts more.

    ``tags`` are language tags separated by blanks, the most wanted first, such as ``gd-GB en``.
    """
    names = [tag.partition("-")[0].lower() for tag in (tags or "").split()]
    request.state.wished_languages = tuple(names)


def use_language(request: Request) -> str:
    """Let ``translate`` speak the reader's language from here on; returns which that is."""
    language = language_of(request)
    _language.set(language)
    return language


class _Compiled(jinja2.BytecodeCache):
    """What templates were compiled to, for all environments of the process: they are alike."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket, unless its template is new; Jinja itself sees whether it has changed."""
        if (code := self._codes.get(bucket.key)) is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what a template was compiled to."""
        self._codes[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()
_TRANSLATIONS = {language: load(language) for language in LANGUAGES}


def translate(message: str) -> str:
    """Return a sentence in the language of the page that is being made."""
    # To gettext the empty string means the catalogue's own header.
    return _TRANSLATIONS[_language.get()].gettext(message) if message else ""


def translate_plural(one: str, many: str, count: int) -> str:
    """Return a counted sentence in the language of the page that is being made."""
    return _TRANSLATIONS[_language.get()].ngettext(one, many, count)


class Pages:
    """The templates of one service; a page gets plain values, never live rows."""

    def __init__(
        self,
        service: str,
        html_directories: Sequence[Path],
        settings: ServiceSettings,
        *,
        service_name: str = "Clachan",
        service_url: str = "/",
    ) -> None:
        self.service = service
        self._settings = settings
        self._service_name = service_name
        self._service_url = service_url
        self._extras: list[Extras] = []
        self.environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([*html_directories, _HERE / "html"]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            auto_reload=settings.environment == "development",
            bytecode_cache=_COMPILED,
        )
        self.environment.install_gettext_callables(  # type: ignore[attr-defined]  # by i18n
            translate, translate_plural, newstyle=True
        )
        self.environment.globals.update(asset=asset_url, csrf_input=form_token.csrf_input)
        self.environment.filters.update(
            pounds=format_pounds,
            london=_show_time,
            day=_show_day,
        )

    def add_extras(self, extras: Extras) -> None:
        """Add values that every page of this service gets, such as who is signed in."""
        self._extras.append(extras)

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int | None = None,
        problem: Problem | None = None,
        form_action: Sequence[str] = (),
        **values: object,
    ) -> HTMLResponse:
        """Return a page; ``form_action`` names other origins that its forms may lead to.

        With a ``problem`` it says what was refused: its status, ``errors`` by field, ``error_list``
        for the summary and ``error_detail``, as far as the values do not say so themselves.
        """
        if problem is not None:
            status = status or problem.status
            values = _refusal(problem) | values
        language = use_language(request)
        secure = self._settings.secure_cookies
        cookie, cookie_name = (
            form_token.cookie_value(request, secure=secure),
            form_token.cookie_name(secure=secure),
        )
        form_token.set_token(form_token.token_for(cookie, self._settings.secret_key))
        context: dict[str, object] = {
            "service_name": translate(self._service_name),
            "service_url": self._service_url,
            "lang": language,
            "languages": LANGUAGES,
            "current_path": request.url.path,
            "navigation": [],
            "signed_in_as": None,
            "sign_out_url": None,
            "phase": "alpha",
            "errors": {},
            "error_list": [],
            "correlation_id": correlation_id(),
        }
        for extras in self._extras:
            context |= extras(request)
        html = self.environment.get_template(template).render(context | _say_refusals(values))
        response = HTMLResponse(html, status_code=status or 200)
        if request.cookies.get(cookie_name) != cookie:
            self._set_cookie(response, cookie_name, cookie, http_only=True)
        if request.query_params.get("lang") in LANGUAGES:
            self._set_cookie(response, LANGUAGE_COOKIE, language, max_age=_YEAR_SECONDS)
        if form_action:
            request.state.form_action = tuple(form_action)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _set_cookie(
        self,
        response: HTMLResponse,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        http_only: bool = False,
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path="/",
            secure=self._settings.secure_cookies,
            httponly=http_only,
            samesite="lax",
        )


def _refusal(problem: Problem) -> dict[str, object]:
    return {
        "errors": {fault.field: fault.message for fault in problem.fields},
        "error_list": problem.fields or (FieldError("", problem.title),),
        "error_detail": problem.detail,
    }


def _say_refusals(values: Mapping[str, object]) -> dict[str, object]:
    """Return a page's values with the messages of its faults in the page's language.

    Rules know no language. Not `_()` in the templates: that takes its words for safe HTML.
    """
    said = dict(values)
    errors, faults = values.get("errors"), values.get("error_list")
    if isinstance(errors, Mapping):
        said["errors"] = {field: translate(str(message)) for field, message in errors.items()}
    if isinstance(faults, Sequence):
        said["error_list"] = [_say_fault(fault) for fault in faults]
    return said


def _say_fault(fault: object) -> object:
    if isinstance(fault, FieldError):
        return FieldError(fault.field, translate(fault.message))
    if isinstance(fault, Mapping) and "message" in fault:
        return {**fault, "message": translate(str(fault["message"]))}
    return fault


def _show_day(day: date) -> str:
    return format_date(day, "d MMMM y", locale=_language.get())


def _show_time(at: datetime) -> str:
    return format_datetime(at, "d MMMM y, HH:mm", tzinfo=LONDON, locale=_language.get())
