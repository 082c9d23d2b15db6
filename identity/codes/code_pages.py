"""The page that asks for a code sent to an address or number, whatever the code is for."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from identity.codes.rules import Target, fault_of, mask
from identity.signin.access import show_page
from identity.signin.rules import CODE_MINUTES, clean_code
from shared.errors import FieldError
from shared.web.deps import Form

WRONG = FieldError(
    "code",
    "The code is not right or no longer good. Check the newest one from us, or ask for a new"
    " code: after 5 wrong tries a code stops working",
)


@dataclass(frozen=True)
class CodePage:
    """Where the forms of a code page lead; ``shows_target``: the person typed it themselves."""

    path: str
    query: str
    back_url: str
    button: str
    shows_target: bool = True


def read_code(form: Form) -> tuple[str, FieldError | None]:
    """Return the typed code, and what is wrong with it before it is compared."""
    code = clean_code(form.text("code"))
    message = fault_of(code)
    return code, FieldError("code", message) if message else None


def show_code_page(
    request: Request, page: CodePage, target: Target, faults: Sequence[FieldError] = ()
) -> Response:
    """Return the page that asks for a code."""
    return show_page(
        request,
        "codes/code.html",
        None,
        channel=target.channel,
        address=target.address if page.shows_target else mask(target),
        minutes=CODE_MINUTES,
        code_action=f"{page.path}?{page.query}",
        again_action=f"{page.path}/again?{page.query}",
        back_url=page.back_url,
        button_text=page.button,
        was_sent_again=request.query_params.get("sent") == "again" and not faults,
        faults=faults,
        sign_out_url=None,
    )


def show_over(request: Request, start_url: str) -> Response:
    """Return the page of a check that is over."""
    return show_page(request, "signin/start_again.html", None, status=410, start_url=start_url)
