"""Plain values for the pages of journals and months, and what their forms say."""

from collections.abc import Sequence

from payments.gl.periods import Check, PeriodView
from payments.gl.queries import Export
from payments.gl.rules import TEMPLATE_NAMES, GlSettings
from payments.gl.vat import VatPlan, parse_codes, show_codes
from payments.ledger.rules import BANK_PREFIX
from shared.errors import FieldError, Problem
from shared.web.deps import Form
from shared.web.pages import translate

Values = dict[str, object]
STATES = {
    "open": "Open",
    "closing": "Waiting for a second person",
    "closed": "Closed",
}
COLOURS = {"open": "green", "closing": "yellow", "closed": "grey"}
CHECKS = {
    "trial_balance": "Debits and credits of all accounts",
    "in_transit": "Submissions not debited yet, and the account in transit",
    "without_number": "Entries without a number",
    "faults": "Faults found in the ledger",
}
_COUNTS = frozenset({"without_number", "faults"})


def list_errors(problem: Problem | None) -> list[dict[str, str]]:
    """Return what the summary of errors says of a refusal."""
    if problem is None:
        return []
    said = f"{problem.title}. {problem.detail}" if problem.detail else problem.title
    faults = problem.fields or (FieldError("", said),)
    return [{"field": one.field, "message": one.message} for one in faults]


def errors_of(problem: Problem | None) -> dict[str, str]:
    """Return what is wrong with each field."""
    return {} if problem is None else {one.field: one.message for one in problem.fields}


def amount(pence: int) -> str:
    """Return pence as pounds with thousands separated."""
    sign = "-" if pence < 0 else ""
    return f"{sign}£{abs(pence) // 100:,}.{abs(pence) % 100:02d}"


def present_export(one: Export) -> Values:
    """Return a journal for its page."""
    return {
        "number": one.number,
        "href": f"/payments/gl/exports/{one.number}",
        "entries": f"{one.year}/{one.first_number}-{one.last_number}",
        "template": TEMPLATE_NAMES[one.settings.template],
        "lines": "" if one.lines is None else f"{one.lines:,}",
        "debit": "" if one.debit_pence is None else amount(one.debit_pence),
        "sha256": one.sha256,
        "made_by": one.made_by_name,
        "made_at": one.made_at,
        "is_ready": one.ready_at is not None,
        "acknowledged_at": one.acknowledged_at,
        "acknowledged_by": one.acknowledged_by_name,
        "acknowledgement": one.acknowledgement,
    }


def present_period(one: PeriodView) -> Values:
    """Return a month for its page."""
    return {
        "id": str(one.id),
        "href": f"/payments/periods/{one.id}",
        "starts_on": one.starts_on,
        "name": one.starts_on.strftime("%m/%Y"),
        "state": one.state,
        "state_name": STATES[one.state],
        "colour": COLOURS[one.state],
        "asked_by": one.asked_by_name,
        "asked_at": one.asked_at,
        "signed_by": one.decided_by_name if one.state == "closed" else "",
        "closed_at": one.closed_at,
        "sha256": one.sha256,
    }


def present_checks(checks: Sequence[Check]) -> list[Values]:
    """Return the proof of a month, each line with what it compares."""
    return [
        {
            "name": _check_name(check.name),
            "expected": _value(check, check.expected),
            "found": _value(check, check.found),
            "is_good": check.is_good,
        }
        for check in checks
    ]


def kept_checks(one: PeriodView) -> list[Check]:
    """Return the checks that were kept when a month was proved."""
    kept = (one.proof or {}).get("checks", [])
    return [Check(*values) for values in kept] if isinstance(kept, list) else []


def typed_settings(settings: GlSettings) -> Values:
    """Return settings as the form shows them."""
    return {
        "template": settings.template,
        "detail": settings.detail,
        "code_separator": settings.code_separator,
        "code_segments": " ".join(settings.code_segments),
        "constants": "\n".join(f"{name}={value}" for name, value in settings.constants.items()),
        "codes": dict(settings.account_codes),
        "vat_codes": show_codes(settings.vat),
        "vat_default": settings.vat.default,
        "vat_programmes": dict(settings.vat.programmes),
        "vat_accounts": dict(settings.vat.accounts),
    }


def parse_settings(
    form: Form, accounts: Sequence[str], programmes: Sequence[str]
) -> tuple[GlSettings, list[FieldError]]:
    """Return what the form says, and what of it cannot be read; the rest is ``check_settings``'."""
    constants = {}
    for line in form.text("constants").splitlines():
        name, _, value = line.partition("=")
        if name.strip():
            constants[name.strip()] = value.strip()
    codes = {account: form.text(f"code_{account}").strip() for account in accounts}
    vat_codes, faults = parse_codes(form.text("vat_codes"))
    vat = VatPlan(
        form.text("vat_default"),
        vat_codes,
        _filled(form, "vat_programme_", programmes),
        _filled(form, "vat_account_", accounts),
    )
    settings = GlSettings(
        form.text("template"),
        form.text("detail"),
        form.text("code_separator").strip(),
        tuple(form.text("code_segments").split()),
        constants,
        {account: code for account, code in codes.items() if code},
        vat,
    )
    return settings, faults


def _filled(form: Form, prefix: str, names: Sequence[str]) -> dict[str, str]:
    typed = {name: form.text(f"{prefix}{name}") for name in names}
    return {name: value for name, value in typed.items() if value}


def _check_name(name: str) -> str:
    if name.startswith(BANK_PREFIX):
        return (
            f"{translate('Last statement and the bank account')} {name.removeprefix(BANK_PREFIX)}"
        )
    return translate(CHECKS.get(name, name))


def _value(check: Check, value: int) -> str:
    return str(value) if check.name in _COUNTS else amount(value)
