"""The page that asks for a code sent to an address or number, whatever the code is for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from identity.accounts.vault import Vault
from identity.codes.actions import renew_check, use_check
from identity.codes.queries import CheckView, find_proof, find_waiting
from identity.codes.rules import Purpose, Target, fault_of, mask
from identity.signin.access import VaultDep, VisitorDep, show_page
from identity.signin.actions import Visitor
from identity.signin.rules import CODE_MINUTES, clean_code
from shared.errors import FieldError
from shared.web.deps import Form, NowDep, SessionDep

Accept = Callable[[CheckView], Response | FieldError]

WRONG = FieldError(
    "code",
    "The code is not right or no longer good. Check the newest one from us, or ask for a new"
    " code: after 5 wrong tries a code stops working",
)


@dataclass(frozen=True)
class CodePage:
    """What a code is for and where its forms lead; ``path`` and ``query`` are those of the page.

    ``shows_target``: the person typed the address or number themselves.
    """

    purpose: Purpose
    path: str
    query: str
    button: str
    start_url: str
    back_url: str = ""
    shows_target: bool = True


@dataclass(frozen=True)
class CodeVisit:
    """A browser at the page of one check.

    A check of another browser, or of another account than ``owner``, is over for it.
    """

    request: Request
    session: Session
    vault: Vault
    visitor: Visitor
    now: datetime
    check: UUID

    def ask(self, page: CodePage, owner: UUID | None = None) -> Response:
        """Return the page that asks for the code."""
        waiting = self._waiting(page, owner)
        if waiting is None:
            return show_over(self.request, page.start_url)
        return show_code_page(self.request, page, waiting.target)

    def use(
        self, page: CodePage, form: Form, accept: Accept, owner: UUID | None = None
    ) -> Response:
        """Return what ``accept`` answers to the right code, or ask again with what is wrong."""
        waiting = self._waiting(page, owner)
        if waiting is None:
            return show_over(self.request, page.start_url)
        code, fault = read_code(form)
        if fault is None:
            used = use_check(
                self.session,
                self.vault,
                check_id=self.check,
                browser_hash=self.visitor.browser_hash,
                purpose=page.purpose,
                code=code,
                now=self.now,
            )
            answer = WRONG if used is None else accept(used)
            if isinstance(answer, Response):
                return answer
            fault = answer
        return show_code_page(self.request, page, waiting.target, [fault])

    def send_again(self, page: CodePage) -> Response:
        """Send a new code, which replaces the one before, and come back to the page."""
        sent = renew_check(
            self.session,
            self.vault,
            check_id=self.check,
            browser_hash=self.visitor.browser_hash,
            purpose=page.purpose,
            now=self.now,
            network=self.visitor.address,
        )
        if not sent:
            return show_over(self.request, page.start_url)
        return RedirectResponse(f"{page.path}?{page.query}&sent=again", 303)

    def proof(self, purpose: Purpose) -> CheckView | None:
        """Return the check once its code was used, while that still proves something."""
        return find_proof(
            self.session, self.vault, self.check, self.visitor.browser_hash, purpose, self.now
        )

    def _waiting(self, page: CodePage, owner: UUID | None) -> CheckView | None:
        browser = self.visitor.browser_hash
        found = find_waiting(self.session, self.vault, self.check, browser, page.purpose, self.now)
        return None if found and owner not in (None, found.account_id) else found


def get_visit(
    request: Request,
    session: SessionDep,
    vault: VaultDep,
    visitor: VisitorDep,
    now: NowDep,
    check: UUID,
) -> CodeVisit:
    """Return the visit to the check that the address names."""
    return CodeVisit(request, session, vault, visitor, now, check)


CodeVisitDep = Annotated[CodeVisit, Depends(get_visit)]


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
        back_url=page.back_url or page.start_url,
        button_text=page.button,
        was_sent_again=request.query_params.get("sent") == "again" and not faults,
        faults=faults,
        sign_out_url=None,
    )


def show_over(request: Request, start_url: str) -> Response:
    """Return the page of a check that is over."""
    return show_page(request, "signin/start_again.html", None, status=410, start_url=start_url)
