"""The stand-alone Confirmation of Payee form with the four inputs of ScotPayments."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from payments.payees.actions import CheckRequest, CheckResult, check_name
from payments.payees.bank_details import AccountType
from payments.payees.confirmation.explain import explain
from payments.payees.deps import CheckerDep, TablesDep
from payments.payees.rules import CHECK_ROLES, GROUP_TITLES
from payments.runs.access import Staff, require_role
from shared.errors import FieldError, Invalid, Problem
from shared.web.deps import Form, FormDep, RuntimeDep

router = APIRouter()

Checks = Annotated[Staff, Depends(require_role(*CHECK_ROLES))]
Sees = Annotated[Staff, Depends(require_role(*CHECK_ROLES, "payments.auditor"))]
_FIELDS = ("account_type", "name", "sort_code", "account_number", "roll_number", "iban")
_KINDS = {"match": "success", "close_match": "warning", "no_match": "error"}


@router.get("/confirmation-of-payee")
def show_form(request: Request, _staff: Sees, runtime: RuntimeDep, tables: TablesDep) -> Response:
    """Show the empty form."""
    return runtime.pages.render(
        request,
        "payees/check.html",
        values=dict.fromkeys(_FIELDS, ""),
        result=None,
        no_tables=tables.load() is None,
    )


@router.post("/confirmation-of-payee")
def check(
    request: Request, form: FormDep, staff: Checks, checker: CheckerDep, runtime: RuntimeDep
) -> Response:
    """Check a name and show the answer above the form; nothing else is created by it."""
    kept = {name: form.text(name) for name in _FIELDS}
    try:
        result = check_name(checker, _read(form, staff), staff.actor)
    except Problem as problem:
        return runtime.pages.render(
            request,
            "payees/check.html",
            problem=problem,
            values=kept,
            result=None,
            no_tables=checker.tables.load() is None,
        )
    return runtime.pages.render(
        request,
        "payees/check.html",
        values=kept,
        result=_present(result, kept["name"]),
        steps=explain(result, kept["name"], kept["account_type"]),
        no_tables=checker.tables.load() is None,
    )


def _read(form: Form, staff: Staff) -> CheckRequest:
    kind = form.text("account_type")
    if kind not in ("personal", "business"):
        raise Invalid(FieldError("account_type", "Select personal or business"))
    account_type: AccountType = "business" if kind == "business" else "personal"
    return CheckRequest(
        staff.organisation,
        account_type,
        form.text("name"),
        form.text("sort_code"),
        form.text("account_number"),
        form.text("roll_number"),
        form.text("iban"),
    )


def _present(result: CheckResult, asked: str) -> dict[str, str]:
    return {
        "title": GROUP_TITLES[result.outcome.group],
        "kind": _KINDS.get(result.outcome.group, "info"),
        "explanation": result.outcome.explanation,
        "code": result.reason_code or "",
        "asked": asked,
        "matched_name": result.matched_name or "",
        "sort_code": result.details.shown_sort_code,
        "account_number": result.details.account_number,
        "derivation": result.details.derivation,
        "modulus": result.modulus.explanation,
        "check_id": str(result.check_id),
        "policy": result.outcome.policy,
    }
