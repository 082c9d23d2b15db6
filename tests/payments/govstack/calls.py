"""Good messages of both shapes, to be spoilt one member at a time."""

from shared.errors import Unauthorised
from shared.tokens import Claims

BODY = "strathclachan"
SOURCE = "source-bb-01"
PAYEE = "payee-functional-001"
TOKEN = {"Authorization": "Bearer mediator@strathclachan:payments.govstack"}


class Tokens:
    """Stands for the verifier; the signature is another test's.

    The token is `client@organisation:scope`.
    """

    def verify(self, token: str) -> Claims:
        client, _, scope = token.partition(":")
        if not scope:
            raise Unauthorised("invalid_token", "The access token is not valid")
        client, _, organisation = client.partition("@")
        return Claims(client, client, frozenset(scope.split("+")), {"organisation": organisation})


def registration(**changes: object) -> dict[str, object]:
    """Return a message that registers one beneficiary."""
    entry = {
        "PayeeFunctionalID": PAYEE,
        "PaymentModality": "00",
        "FinancialAddress": "99-00-01 10000012",
    }
    return {
        "RequestID": "request-0001",
        "SourceBBID": SOURCE,
        "Beneficiaries": [entry],
    } | changes


def instruction(**changes: object) -> dict[str, object]:
    """Return one credit instruction."""
    return {
        "InstructionID": "instruction-0001",
        "PayeeFunctionalID": PAYEE,
        "Amount": 12.34,
        "Currency": "GBP",
        "Narration": "Winter heating",
    } | changes


def batch(*instructions: dict[str, object], **changes: object) -> dict[str, object]:
    """Return a batch with these instructions, or with one good one."""
    return {
        "RequestID": "request-0002",
        "SourceBBID": SOURCE,
        "BatchID": "batch-000001",
        "CreditInstructions": list(instructions) or [instruction()],
    } | changes


def notice(**changes: object) -> dict[str, object]:
    """Return a message that a bill was paid."""
    return {
        "requestID": "pay-0001",
        "billInquiryRequestId": "inq-0001",
        "billId": "BILL-OPEN-1",
        "paymentReferenceID": "PAYREF-0001",
    } | changes


def asking(**changes: object) -> dict[str, object]:
    """Return a message that asks a payer to pay."""
    return {
        "requestID": "ask-0001",
        "rtpId": "RTP-1",
        "billId": "BILL-OPEN-1",
        "requestType": "00",
        "payerFiDetails": {"payerFiID": "payer-bank", "financialAddress": "99-00-01 10000012"},
        "billDetails": {"billerName": "Strath", "amount": 120.5},
    } | changes


def saying(**changes: object) -> dict[str, object]:
    """Return a message that the payer has paid what was asked for."""
    return {
        "requestID": "say-0001",
        "rtpId": "RTP-1",
        "billId": "BILL-OPEN-1",
        "rtpStatus": "COM",
        "paymentReferenceID": "PAYREF-0002",
    } | changes


def without(message: dict[str, object], name: str) -> dict[str, object]:
    """Return a message without one member."""
    return {key: value for key, value in message.items() if key != name}


PREACTIVATION = {
    "voucher_amount": "15.21",
    "voucher_currency": "AED",
    "voucher_group": "string",
    "Gov_Stack_BB": "Gov_Stack_BB",
    "voucher_comment": "none",
}
REDEMPTION = {
    "voucher_number": 6004,
    "Gov_Stack_BB": "bb-digital-registries",
    "merchant_name": "Melissa Stephenson",
    "merchant_bank_details": "Citizen Service Banks",
    "merchant_voucher_group": "Payment Voucher",
    "override": True,
}
