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
    account_fingerprint,
    payee_fingerprint,
)
from payments.payees.confirmation.fishing import refuse_fishing
from payments.payees.iban import read_details
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
    iban: str = ""


@dataclass(frozen=True)
class CheckResult:
    """What the person or program that asked is told."""

    check_id: UUID
    outcome: Outcome
    reason_code: str | None
    matched_name: str | None
    details: BankDetails
    modulus: ModulusAnswer
    rule: str = ""


@dataclass(frozen=True)
class Checker:
    """What a check needs: the responder, the weight tables, the seal, the database, the clock.

    ``names_per_account`` is how many different names one asker may try for one account in a day.
    """

    database: Database
    names: PayeeNames
    tables: TableFiles
    vault: DetailsVault
    clock: Callable[[], datetime]
    names_per_account: int = 10


def validate_details(
    tables: TableFiles,
    sort_code: str,
    account_number: str,
    roll_number: str = "",
    iban: str = "",
) -> tuple[BankDetails, ModulusAnswer]:
    """Return normalised details with their modulus check; refuses malformed and impossible ones.

    Raises:
        Invalid: names ``sort_code``, ``account_number``, ``roll_number`` or ``iban``.
    """
    details = read_details(sort_code, account_number, roll_number, iban)
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
        Problem: ``too_many_names`` (429), the asker has tried many names for this account today.
    """
    checked = check_request(checker.tables, request)
    with checker.database.transaction() as session:
        check_id = claim_check(session, checker, request, checked, actor)
        details_of_question: dict[str, object] = {
            "organisation": request.organisation,
            "modulus": checked.modulus.result,
        }
        _note(session, actor, "asked", check_id, details_of_question)
    answer = ask(checker, request, checked, check_id)
    with checker.database.transaction() as session:
        outcome, code, shown = record_answer(session, checker, check_id, answer)
        details_of_answer: dict[str, object] = {
            "organisation": request.organisation,
            "outcome": outcome.group,
            "reason_code": code,
            "name_shown": shown is not None,
        }
        _note(session, actor, "answered", check_id, details_of_answer)
    return CheckResult(
        check_id, outcome, code, shown, checked.details, checked.modulus, answer.rule
    )


@dataclass(frozen=True)
class CheckedRequest:
    """A request whose inputs are in order."""

    name: str
    details: BankDetails
    modulus: ModulusAnswer


def check_request(tables: TableFiles, request: CheckRequest) -> CheckedRequest:
    """Return the inputs of a check in order; refuses every fault of them at once (``Invalid``)."""
    name = _check_input(request)
    details, modulus = validate_details(
        tables, request.sort_code, request.account_number, request.roll_number, request.iban
    )
    return CheckedRequest(name, details, modulus)


def ask(
    checker: Checker, request: CheckRequest, checked: CheckedRequest, check_id: UUID
) -> NameAnswer:
    """Ask the payee's bank; no answer in time is an answer too. Not to be called in a transaction.

    The check's id goes with the question, so that a question asked again is known as the same.
    """
    details = checked.details
    question = NameQuestion(
        request.account_type,
        checked.name,
        details.identification,
        details.roll_number,
        str(check_id),
    )
    try:
        return checker.names.verify(question)
    except NoAnswerError:
        return NameAnswer(matched=False, reason_code=NO_ANSWER)


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
            read_details(
                request.sort_code, request.account_number, request.roll_number, request.iban
            )
        except Invalid as more:
            faults.extend(more.fields)
        raise Invalid(*faults)
    return name


def claim_check(
    session: Session,
    checker: Checker,
    request: CheckRequest,
    checked: CheckedRequest,
    actor: Actor,
) -> UUID:
    """Store a question before it is asked; refuses the next of many names for one account.

    Raises:
        Problem: ``too_many_names`` (429).
    """
    vault, now, check_id = checker.vault, checker.clock(), new_id()
    details = checked.details
    account = account_fingerprint(vault, details)
    fingerprint = payee_fingerprint(vault, checked.name, request.account_type, details)
    refuse_fishing(
        session,
        request.organisation,
        actor.id,
        account,
        fingerprint,
        now=now,
        limit=checker.names_per_account,
    )
    session.execute(
        insert(name_check).values(
            id=check_id,
            organisation=request.organisation,
            account_type=request.account_type,
            name_sealed=vault.seal_text(checked.name, f"name_check:{check_id}:name"),
            details_sealed=vault.seal(details, f"name_check:{check_id}"),
            payee_fingerprint=fingerprint,
            account_fingerprint=account,
            modulus_result=checked.modulus.result,
            modulus_version=checked.modulus.table_version,
            policy_version=POLICY_VERSION,
            asked_by_kind=actor.kind,
            asked_by_id=actor.id,
            asked_by_name=actor.name,
            asked_at=now,
            correlation_id=correlation_id(),
        )
    )
    return check_id


def record_answer(
    session: Session, checker: Checker, check_id: UUID, answer: NameAnswer
) -> tuple[Outcome, str | None, str | None]:
    """Keep an answer with its question; the first answer stays. Returns outcome, code and name."""
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
            responder_rule=answer.rule,
            answered_at=checker.clock(),
        )
    )
    return outcome, code, shown


def _note(
    session: Session, actor: Actor, kind: str, check_id: UUID, details: dict[str, object]
) -> None:
    action = f"payments.name_check.{kind}"
    audit.record(session, actor, action, "name_check", check_id, details)
