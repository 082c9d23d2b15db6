"""Shape B, read and judged: names in either case, lengths at most as published (contract 18)."""

from dataclasses import dataclass

from payments.govstack.rules import (
    BANK_ACCOUNT,
    MODALITIES,
    Batch,
    Instruction,
    batch_fault,
    body_sha256,
    currency_fault,
    pence_of,
    text_of,
)
from payments.govstack.shape_a.rules import BeneficiaryEntry, RefusedError, read_number
from payments.vouchers.rules import VoucherState

_REQUEST, _PAYEE, _ADDRESS, _INSTITUTION, _TEXT, _BATCH = 12, 20, 30, 11, 50, 50
_INSTRUCTION = 16
_CURRENCY = 3
_MAXIMUM_VOUCHERS = 1_000
_PAYEE_KEYS = frozenset({"payeeidentity", "payeefunctionalid", "functionalid"})
_ADDRESS_KEYS = frozenset({"accountnumber", "accountid", "iban", "financialaddress"})

# Numbers are published, their meaning is not, but for 03 (unverified).
STATUS_CODES: dict[VoucherState, int] = {
    "not_pre_activated": 1,
    "pre_activated": 1,
    "activated": 2,
    "cancelled": 3,
    "purged": 3,
    "expired": 4,
    "used": 5,
    "suspended": 6,
    "blocked": 6,
}
STATUS_ERROR = 9


@dataclass(frozen=True)
class VoucherWish:
    """One voucher that is asked for."""

    instruction_id: str
    group: str
    amount_pence: int
    currency: str
    narration: str


def member(value: object, name: str) -> object:
    """Return a member of an object by its name, whose first letter may be of either case."""
    if not isinstance(value, dict):
        return None
    other = name[0].swapcase() + name[1:]
    return value.get(name, value.get(other))


def text_at(value: object, name: str, at_most: int, *, needed: bool = True) -> str:
    """Return a text member; refuses a missing, empty or long one."""
    found = member(value, name)
    if found is None and not needed:
        return ""
    held = text_of({name: found}, name, at_most=at_most)
    if held is None or (needed and not held.strip()):
        raise RefusedError(f"{name} must be a text of up to {at_most} characters")
    return held


def list_at(value: object, name: str) -> list[object]:
    """Return a list member; refuses a missing and an empty one."""
    found = member(value, name)
    if not isinstance(found, list) or not found:
        raise RefusedError(f"{name} must be a list that is not empty")
    return found


def request_id_of(body: object) -> str:
    """Return the request's id, empty where there is none that can be echoed."""
    try:
        return text_at(body, "requestID", _REQUEST)
    except RefusedError:
        return ""


def read_beneficiaries(body: object) -> tuple[str, str, tuple[BeneficiaryEntry, ...]]:
    """Return request id, source and beneficiaries."""
    request_id = text_at(body, "requestID", _REQUEST)
    source = text_at(body, "sourceBBID", _REQUEST, needed=False)
    entries = tuple(_read_beneficiary(one) for one in list_at(body, "beneficiaries"))
    if len({entry.functional_id for entry in entries}) < len(entries):
        raise RefusedError("Two beneficiaries have the same payeeIdentity")
    return request_id, source, entries


def _read_beneficiary(sent: object) -> BeneficiaryEntry:
    modality = text_at(sent, "paymentModality", 2, needed=False) or BANK_ACCOUNT
    if modality not in MODALITIES:
        raise RefusedError("paymentModality must be one of 00 to 04")
    status = member(sent, "status")
    if status not in (None, 0, 1, "0", "1") or isinstance(status, bool):
        raise RefusedError("status must be 0 or 1")
    return BeneficiaryEntry(
        text_at(sent, "payeeIdentity", _PAYEE),
        modality,
        text_at(sent, "financialAddress", _ADDRESS, needed=False),
        text_at(sent, "bankingInstitutionCode", _INSTITUTION, needed=False),
        status in (None, 1, "1"),
    )


def read_transactions(
    body: object, request_id: str, source: str, batch_id: str, *, is_open: bool
) -> Batch:
    """Return the batch that a list of transactions makes."""
    if not isinstance(body, list):
        raise RefusedError("The body must be a list of transactions")
    instructions = tuple(_read_transaction(one, is_open=is_open) for one in body)
    if fault := batch_fault(instructions):
        raise RefusedError(fault)
    return Batch("b", "payment", request_id, source, batch_id, body_sha256(body), instructions)


def _read_transaction(sent: object, *, is_open: bool) -> Instruction:
    instruction_id = text_at(sent, "requestId", _INSTRUCTION)
    payee, address = _read_party(member(sent, "creditParty"))
    if not isinstance(member(sent, "debitParty"), list):
        raise RefusedError("debitParty must be a list")
    text_at(sent, "paymentMode", _PAYEE)
    pence, currency = _read_money(sent, is_open=is_open)
    words = text_at(sent, "descriptionText", _TEXT, needed=False)
    return Instruction(instruction_id, payee, pence, currency, words, address)


def _read_party(party: object) -> tuple[str, str]:
    """Return payee id and address of a party; one of them has to be there."""
    payee = address = ""
    for one in party if isinstance(party, list) else []:
        key = text_at(one, "key", _TEXT).casefold().replace("_", "")
        if key in _PAYEE_KEYS:
            payee = text_at(one, "value", _PAYEE)
        elif key in _ADDRESS_KEYS:
            address = text_at(one, "value", _ADDRESS)
    if not payee and not address:
        raise RefusedError("creditParty must name a payeeIdentity or an accountNumber")
    return payee, address


def _read_money(sent: object, *, is_open: bool) -> tuple[int, str]:
    pence = pence_of(member(sent, "amount"))
    if pence is None:
        raise RefusedError("amount must be a number above zero with up to two decimals")
    currency = text_at(sent, "currency", _CURRENCY)
    if fault := currency_fault(currency, is_open=is_open):
        raise RefusedError(fault)
    return pence, currency


def read_lookup(body: object, request_id: str, source: str, *, is_open: bool) -> Batch:
    """Return the accounts that shall be validated, as a batch nobody pays."""
    batch_id = text_at(body, "batchId", _BATCH)
    text_at(body, "destinationDFSPID", _INSTITUTION)
    instructions = tuple(
        _read_lookup(one, is_open=is_open) for one in list_at(body, "creditInstructions")
    )
    if fault := batch_fault(instructions):
        raise RefusedError(fault)
    return Batch("b", "validation", request_id, source, batch_id, body_sha256(body), instructions)


def _read_lookup(sent: object, *, is_open: bool) -> Instruction:
    pence, currency = _read_money(sent, is_open=is_open)
    return Instruction(
        text_at(sent, "instructionID", _INSTRUCTION),
        "",
        pence,
        currency,
        text_at(sent, "narration", _TEXT, needed=False),
        text_at(sent, "financialAddress", _ADDRESS),
    )


def read_authorisation(body: object) -> tuple[str, int, str]:
    """Return the batch, amount and currency for which funds are asked."""
    batch_id = text_at(body, "batchID", _BATCH)
    text_at(body, "payerIdentifier", _ADDRESS)
    pence, currency = _read_money(body, is_open=True)
    return batch_id, pence, currency


def read_wishes(body: object, *, is_open: bool) -> list[VoucherWish]:
    """Return the vouchers that are asked for; at most a thousand at once."""
    wishes = []
    for one in _instructions(body):
        pence, currency = _read_money(one, is_open=is_open)
        wishes.append(
            VoucherWish(
                text_at(one, "instructionID", _INSTRUCTION),
                text_at(one, "groupCode", 100),
                pence,
                currency,
                text_at(one, "narration", _TEXT, needed=False),
            )
        )
    return wishes


def read_serials(body: object) -> list[str]:
    """Return the serial numbers of a message; refuses one that is none."""
    serials = []
    for one in _instructions(body):
        serial = read_number(member(one, "serialNumber"))
        if serial is None:
            raise RefusedError("serialNumber must be a voucher's serial number")
        serials.append(serial)
    return sorted(set(serials))


def _instructions(body: object) -> list[object]:
    text_at(body, "requestID", _REQUEST)
    found = list_at(body, "voucherInstructions")
    if len(found) > _MAXIMUM_VOUCHERS:
        raise RefusedError(f"voucherInstructions must not be more than {_MAXIMUM_VOUCHERS}")
    return found
