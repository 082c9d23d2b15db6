"""The simulated bank's door: the scheme's message (5.1), an admin API, and a page to look at."""

import time
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, JSONResponse, Response

from payments.payees.confirmation.matching import best_decision, reason_code
from payments.payees.iban import has_good_check_digits
from payments.payees.simulator.directory import Account, Directory
from payments.payees.simulator.faults import Fault, play
from payments.payees.simulator.pages import STYLE, accounts_page
from shared.ids import new_id

ACCOUNTS_FILE = Path(__file__).resolve().parents[3] / "deploy" / "demo" / "accounts.yaml"
PATHS = (
    "/open-banking/confirmation-payee/v2.0/name-verification",
    "/accounts/name-verification",
)
_SLOWEST_SECONDS = 20.0
_NAME_CODES = ("MBAM", "BAMM", "PAMM")


class _Question(BaseModel):
    scheme_name: Literal[
        "SortCodeAccountNumber", "UK.OBIE.SortCodeAccountNumber", "IBAN", "UK.OBIE.IBAN"
    ] = Field(alias="SchemeName")
    account_type: Literal["Personal", "Business"] = Field(alias="AccountType")
    identification: str = Field(alias="Identification", pattern=r"^(\d{14}|GB\d{2}[A-Z]{4}\d{14})$")
    name: str = Field(alias="Name", min_length=1, max_length=140)
    secondary: str = Field("", alias="SecondaryIdentification", max_length=34)

    @property
    def account(self) -> str:
        """The fourteen digits of sort code and account, also out of an IBAN."""
        return self.identification[-14:]

    @property
    def is_sound(self) -> bool:
        """Tell whether the identification is of its scheme, with good check digits."""
        is_iban = self.scheme_name.endswith("IBAN")
        if is_iban != self.identification.startswith("GB"):
            return False
        return not is_iban or has_good_check_digits(self.identification)


class _Envelope(BaseModel):
    data: _Question = Field(alias="Data")


class _Reply(BaseModel):
    matched: bool
    code: str | None
    name: str | None
    rule: str


def make_app(state_dir: Path, accounts_file: Path = ACCOUNTS_FILE) -> FastAPI:
    """Return the simulator; its accounts live in ``state_dir`` and begin with the file's."""
    directory = Directory(state_dir / "payee_names.sqlite", accounts_file)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(RequestValidationError, _refuse_shape)
    _add_scheme(app, directory)
    _add_admin(app, directory)
    return app


def _add_scheme(app: FastAPI, directory: Directory) -> None:
    def verify_name(
        request: Request,
        body: _Envelope,
        x_fapi_interaction_id: Annotated[str, Header(max_length=64)],
        x_fapi_financial_id: Annotated[str, Header(max_length=64)],
        accept: Annotated[str, Header()] = "*/*",
    ) -> Response:
        """Answer one question in the shape of the scheme."""
        headers = {"x-fapi-interaction-id": x_fapi_interaction_id}
        if "application/json" not in accept and "*/*" not in accept:
            return _error(406, "Accept must be application/json", headers)
        if not x_fapi_financial_id or not request.headers.get("authorization"):
            return _error(401, "the financial id or the authorisation is missing", headers)
        if not body.data.is_sound:
            return _error(400, "the identification is not of its scheme", headers)
        if (fault := play(directory.next_fault(x_fapi_interaction_id), headers)) is not None:
            return fault
        account = directory.find(body.data.account)
        if account is not None and (fault := _play_fault(account, headers)) is not None:
            return fault
        reply = _answer(directory, account, body.data)
        report: dict[str, object] = {"Matched": reply.matched}
        report |= {"ReasonCode": reply.code} if reply.code else {}
        report |= {"Name": reply.name} if reply.name else {}
        answer = {
            "Data": {"VerificationReport": report},
            "Links": {"Self": str(request.url)},
            "Meta": {"Rule": reply.rule},
        }
        return JSONResponse(answer, headers=headers)

    for path in PATHS:
        app.post(path)(verify_name)


def _play_fault(account: Account, headers: dict[str, str]) -> Response | None:
    """Be late or fail as the account's flags say."""
    flags = account.flags
    if flags.timeout or flags.latency_ms:
        time.sleep(_SLOWEST_SECONDS if flags.timeout else flags.latency_ms / 1000)
    if flags.error_status:
        return _error(flags.error_status, "a fault that the account asks for", headers)
    return None


def _answer(directory: Directory, account: Account | None, question: _Question) -> _Reply:
    if account is None:
        if directory.holds_sort_code(question.account[:6]):
            return _refusal("AC01", "the account does not exist")
        return _refusal("SCNS", "the sort code belongs to another bank")
    flags = account.flags
    for raised, flag_code, rule in (
        (flags.unknown_sort_code, "SCNS", "flag unknown_sort_code"),
        (flags.type_not_supported, "ACNS", "flag type_not_supported"),
        (flags.switched, "CASS", "flag switched"),
        (flags.opted_out, "OPTO", "flag opted_out"),
    ):
        if raised:
            return _refusal(flag_code, rule)
    if account.secondary and _plain(question.secondary) != _plain(account.secondary):
        return _refusal("IVCR", "the secondary reference is not the account's")
    asked = question.account_type.lower()
    decision, holder = best_decision(account.type, question.name, account.holders)
    code = reason_code(decision.verdict, asked, account.type)
    shown = holder if code in _NAME_CODES and account.shows_name else None
    return _Reply(matched=code is None, code=code, name=shown, rule=decision.rule)


def _refusal(code: str, rule: str) -> _Reply:
    return _Reply(matched=False, code=code, name=None, rule=rule)


def _plain(reference: str) -> str:
    return "".join(sign for sign in reference.upper() if sign.isalnum())


def _error(status: int, message: str, headers: dict[str, str]) -> Response:
    body = {"Code": str(status), "Id": str(new_id()), "Message": message, "Errors": []}
    late = {"Retry-After": "2"} if status in (429, 503) else {}
    return JSONResponse(body, status, headers | late)


def _refuse_shape(_request: Request, error: Exception) -> Response:
    return _error(400, f"the request has another shape: {error}"[:500], {})


def _add_admin(app: FastAPI, directory: Directory) -> None:
    def list_accounts() -> list[Account]:
        """Return every account."""
        return directory.list_all()

    def put_account(account: Account) -> Account:
        """Add or replace an account."""
        directory.put(account)
        return account

    def remove_account(identification: str) -> Response:
        """Remove an account of fourteen digits."""
        directory.remove(identification)
        return Response(status_code=204)

    def order_fault(fault: Fault) -> Fault:
        """Play a fault of the whole responder from now on."""
        directory.order_fault(fault)
        return fault

    def count_asked() -> dict[str, int]:
        """Tell how many questions came, and how many of them more than once."""
        return directory.count_asked()

    def show_accounts() -> HTMLResponse:
        """Show what can be tried."""
        return HTMLResponse(accounts_page(directory.list_all(), directory.current_fault()))

    def show_style() -> Response:
        """Return the page's style sheet."""
        return Response(STYLE, media_type="text/css")

    app.get("/admin/accounts")(list_accounts)
    app.put("/admin/accounts")(put_account)
    app.delete("/admin/accounts/{identification}")(remove_account)
    app.put("/admin/fault")(order_fault)
    app.get("/admin/asked")(count_asked)
    app.get("/")(show_accounts)
    app.get("/style.css")(show_style)
