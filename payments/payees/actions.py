"""Asking whether a name belongs to an account: claim, call, record (architecture, section 4)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from payments.payees.bank_details import (
    AccountType,
    BankDetails,
    DetailsVault,
    normalise,
    payee_fingerprint,
)
from payments.payees.models import name_check
from payments.payees.modulus.check import ModulusAnswer, check_account
from payments.payees.modulus.tables import TableFiles
from payments.payees.provider import NameAnswer, NameQuestion, NoAnswerError, PayeeNames
from payments.payees.rules import NO_ANSWER, POLICY_VERSION, Outcome, decide
from shared import audit
from shared.actors import Actor
from shared.correlation import correlation_id
from shared.db import Database
from shared.errors import FieldError, Invalid
from shared.ids import new_id

_MAXIMUM_NAME = 140


@dataclass(frozen=True)
class CheckRequest:
    """The inputs of a check, as typed: the four of ScotPayments and the roll number."""

    organisation: str
    account_type: AccountType
    name: str
    sort_code: str
    account_number: str
    roll_number: str = ""


@dataclass(frozen=True)
class CheckResult:
    """What the person or program that asked is told."""

    check_id: UUID
    outcome: Outcome
    reason_code: str | None
    matched_name: str | None
    details: BankDetails
    modulus: ModulusAnswer


@dataclass(frozen=True)
class Checker:
    """What a check needs: the responder, the weight tables, the seal, the database, the clock."""

    database: Database
    names: PayeeNames
    tables: TableFiles
    vault: DetailsVault
    clock: Callable[[], datetime]


def validate_details(
    tables: TableFiles, sort_code: str, account_number: str, roll_number: str = ""
) -> tuple[BankDetails, ModulusAnswer]:
    """Return normalised details with their modulus check; refuses malformed and impossible ones.

    Raises:
        Invalid: names ``sort_code`` or ``account_number``.
    """
    details = normalise(sort_code, account_number, roll_number)
    modulus = check_account(tables.load(), details.sort_code, details.account_number)
    if modulus.result == "invalid":
        raise Invalid(
            FieldError(
                "account_number",
                "Check the sort code and account number: together they are not possible",
            )
        )
    return details, modulus


def check_name(checker: Checker, request: CheckRequest, actor: Actor) -> CheckResult:
    """Ask the payee's bank whether the name fits the account, and keep question and answer.

    The question is committed before the bank is asked and the answer after it, so no lock is held
    during the call. No answer in time is the outcome ``unable_to_check``.

    Raises:
        Invalid: an input is missing, malformed, or the account number is impossible; nothing is
            stored then.
    """
    name = _check_input(request)
    details, modulus = validate_details(
        checker.tables, request.sort_code, request.account_number, request.roll_number
    )
    with checker.database.transaction() as session:
        check_id = _claim(session, checker, request, name, details, modulus, actor)
    question = NameQuestion(
        request.account_type, name, details.identification, details.roll_number, str(check_id)
    )
    try:
        answer = checker.names.verify(question)
    except NoAnswerError:
        answer = NameAnswer(matched=False, reason_code=NO_ANSWER)
    with checker.database.transaction() as session:
        outcome, code, shown = _record(session, checker, check_id, answer, request, actor)
    return CheckResult(check_id, outcome, code, shown, details, modulus)


def _check_input(request: CheckRequest) -> str:
    name = " ".join(request.name.split())
    faults: list[FieldError] = []
    if request.account_type not in ("personal", "business"):
        faults.append(FieldError("account_type", "Select personal or business"))
    if not name:
        faults.append(FieldError("name", "Enter the name on the account"))
    elif len(name) > _MAXIMUM_NAME or any(ord(sign) < ord(" ") for sign in name):
        faults.append(FieldError("name", f"Enter a name of up to {_MAXIMUM_NAME} characters"))
    if faults:
        try:
            normalise(request.sort_code, request.account_number, request.roll_number)
        except Invalid as more:
            faults.extend(more.fields)
        raise Invalid(*faults)
    return name


def _claim(
    session: Session,
    checker: Checker,
    request: CheckRequest,
    name: str,
    details: BankDetails,
    modulus: ModulusAnswer,
    actor: Actor,
) -> UUID:
    check_id = new_id()
    vault = checker.vault
    session.execute(
        insert(name_check).values(
            id=check_id,
            organisation=request.organisation,
            account_type=request.account_type,
            name_sealed=vault.seal_text(name, f"name_check:{check_id}:name"),
            details_sealed=vault.seal(details, f"name_check:{check_id}"),
            payee_fingerprint=payee_fingerprint(vault, name, request.account_type, details),
            modulus_result=modulus.result,
            modulus_version=modulus.table_version,
            policy_version=POLICY_VERSION,
            asked_by_kind=actor.kind,
            asked_by_id=actor.id,
            asked_by_name=actor.name,
            asked_at=checker.clock(),
            correlation_id=correlation_id(),
        )
    )
    audit.record(
        session,
        actor,
        "payments.name_check.asked",
        "name_check",
        check_id,
        {"organisation": request.organisation, "modulus": modulus.result},
    )
    return check_id


def _record(
    session: Session,
    checker: Checker,
    check_id: UUID,
    answer: NameAnswer,
    request: CheckRequest,
    actor: Actor,
) -> tuple[Outcome, str | None, str | None]:
    outcome, code = decide(matched=answer.matched, reason_code=answer.reason_code)
    shown = answer.name if outcome.shows_name else None
    sealed = (
        checker.vault.seal_text(shown, f"name_check:{check_id}:matched_name") if shown else None
    )
    session.execute(
        update(name_check)
        .where(name_check.c.id == check_id, name_check.c.answered_at.is_(None))
        .values(
            outcome=outcome.group,
            reason_code=code,
            matched_name_sealed=sealed,
            answered_at=checker.clock(),
        )
    )
    audit.record(
        session,
        actor,
        "payments.name_check.answered",
        "name_check",
        check_id,
        {
            "organisation": request.organisation,
            "outcome": outcome.group,
            "reason_code": code,
            "name_shown": shown is not None,
        },
    )
    return outcome, code, shown
