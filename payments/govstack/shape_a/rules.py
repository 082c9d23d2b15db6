"""Shape A, read and judged: every field exactly as long as published (payments contract 18)."""

import re
from dataclasses import dataclass

from payments.govstack.rules import (
    BANK_ACCOUNT,
    MODALITIES,
    UNREADABLE,
    Batch,
    Instruction,
    batch_fault,
    body_sha256,
    currency_fault,
    pence_of,
    text_of,
)

ID_LENGTH = 12
INSTRUCTION_LENGTH = 16
PAYEE_LENGTH = 20
_ADDRESS_LENGTH = 30
_NARRATION_LENGTH = 50
_CURRENCY_LENGTH = 3
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,4})?", re.ASCII)
_DIGITS = re.compile(r"[1-9][0-9]{0,24}", re.ASCII)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


class RefusedError(Exception):
    """The message breaks a rule of the shape; the text says which, without what was sent."""


@dataclass(frozen=True)
class BeneficiaryEntry:
    """One beneficiary as it was sent; empty members were not sent."""

    functional_id: str
    modality: str
    address: str
    institution: str = ""
    is_active: bool = True


@dataclass(frozen=True)
class Registration:
    """A message that registers or updates beneficiaries."""

    request_id: str
    source: str
    entries: tuple[BeneficiaryEntry, ...]


def echoed_id(body: object) -> str:
    """Return the request's id for its answer, empty where it has none that can be echoed."""
    return text_of(body, "RequestID", at_most=ID_LENGTH) or ""


def read_registration(body: object) -> Registration:
    """Return a registration; refuses what is missing or of another length."""
    request_id = _need(body, "RequestID", ID_LENGTH)
    source = _need(body, "SourceBBID", ID_LENGTH)
    sent = _list_of(body, "Beneficiaries")
    entries = tuple(_read_beneficiary(one) for one in sent)
    if len({entry.functional_id for entry in entries}) < len(entries):
        raise RefusedError("Two beneficiaries have the same PayeeFunctionalID")
    return Registration(request_id, source, entries)


def read_batch(body: object, kind: str, *, is_open: bool) -> Batch:
    """Return a batch of credit instructions; a prepayment validation also needs narrations."""
    request_id = _need(body, "RequestID", ID_LENGTH)
    source = _need(body, "SourceBBID", ID_LENGTH)
    batch_id = _need(body, "BatchID", ID_LENGTH)
    instructions = tuple(
        _read_instruction(one, needs_narration=kind == "validation", is_open=is_open)
        for one in _list_of(body, "CreditInstructions")
    )
    if fault := batch_fault(instructions):
        raise RefusedError(fault)
    return Batch("a", kind, request_id, source, batch_id, body_sha256(body), instructions)


def read_question(body: object) -> tuple[str, str]:
    """Return request and batch id of a question after a validation's result."""
    return _need(body, "RequestID", ID_LENGTH), _need(body, "Source_BatchID", ID_LENGTH)


def read_voucher_pence(value: object) -> int | None:
    """Return a voucher's amount as pence; None for what the published pattern does not allow.

    Up to four decimals may be written; those after the second must be zeros.
    """
    if not isinstance(value, str):
        return None
    found = _AMOUNT.fullmatch(value)
    if found is None:
        return None
    decimals = (found[2] or ".")[1:].ljust(4, "0")
    if decimals[2:] != "00":
        return None
    return int(found[1]) * 100 + int(decimals[:2])


def show_pounds(pence: int) -> str:
    """Return pence as the shape writes amounts: pounds, decimals only where there are some."""
    pounds, rest = divmod(pence, 100)
    return f"{pounds}.{rest:02d}" if rest else str(pounds)


def read_number(value: object) -> str | None:
    """Return a serial or voucher number, sent as a JSON number or text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**25:
        return str(value)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return value
    return None


def is_correlation_id(header: str) -> bool:
    """Tell whether a correlation header may stand: none at all, or a UUID."""
    return not header or _UUID.fullmatch(header) is not None


def _need(body: object, name: str, length: int) -> str:
    if body is UNREADABLE or not isinstance(body, dict):
        raise RefusedError("The body must be a JSON object")
    found = text_of(body, name, exactly=length)
    if found is None or not found.strip():
        raise RefusedError(f"{name} must be a text of {length} characters")
    return found


def _list_of(body: object, name: str) -> list[object]:
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, list) or not found:
        raise RefusedError(f"{name} must be a list that is not empty")
    return found


def _read_beneficiary(sent: object) -> BeneficiaryEntry:
    functional_id = _need(sent, "PayeeFunctionalID", PAYEE_LENGTH)
    modality = _optional(sent, "PaymentModality", 2)
    if modality and modality not in MODALITIES:
        raise RefusedError("PaymentModality must be one of 00 to 04")
    address = _optional(sent, "FinancialAddress", _ADDRESS_LENGTH)
    return BeneficiaryEntry(functional_id, modality or BANK_ACCOUNT, address)


def _optional(sent: object, name: str, at_most: int) -> str:
    if not isinstance(sent, dict) or sent.get(name) is None:
        return ""
    found = text_of(sent, name, at_most=at_most)
    if found is None:
        raise RefusedError(f"{name} must be a text of up to {at_most} characters")
    return found


def _read_instruction(sent: object, *, needs_narration: bool, is_open: bool) -> Instruction:
    instruction_id = _need(sent, "InstructionID", INSTRUCTION_LENGTH)
    functional_id = _need(sent, "PayeeFunctionalID", PAYEE_LENGTH)
    pence = pence_of(sent.get("Amount") if isinstance(sent, dict) else None)
    if pence is None:
        raise RefusedError("Amount must be a number above zero with up to two decimals")
    currency = _need(sent, "Currency", _CURRENCY_LENGTH)
    if fault := currency_fault(currency, is_open=is_open):
        raise RefusedError(fault)
    narration = _optional(sent, "Narration", _NARRATION_LENGTH)
    if needs_narration and not narration:
        raise RefusedError("Narration must be a text of up to 50 characters")
    return Instruction(instruction_id, functional_id, pence, currency, narration)
