"""What the pages of bills say."""

from payments.bills.rules import BillState, RequestState

STATE_TEXTS: dict[BillState, str] = {
    "open": "To be paid",
    "paid": "Paid",
    "expired": "Expired",
    "cancelled": "Cancelled",
}
STATE_COLOURS: dict[BillState, str] = {
    "open": "orange",
    "paid": "green",
    "expired": "grey",
    "cancelled": "grey",
}
REQUEST_TEXTS: dict[RequestState, str] = {
    "COM": "Paid",
    "PND": "Waiting",
    "EXP": "Expired",
    "CAN": "Cancelled",
    "RJC": "Rejected",
}
REQUEST_COLOURS: dict[RequestState, str] = {"COM": "green", "PND": "yellow", "RJC": "red"}
EVENT_TEXTS = {
    "issued": "Issued",
    "imported": "Issued with a file",
    "requested": "The payer was asked to pay",
    "request_ended": "The request to pay ended",
    "payment_refused": "A payment was refused",
    "paid": "Paid",
    "expired": "Expired",
    "cancelled": "Cancelled",
}
DONE = {
    "issued": "The bill was issued.",
    "imported": "The bills of the file were issued.",
    "known": "This file was imported before. Nothing was changed.",
    "cancelled": "The bill was cancelled.",
}
