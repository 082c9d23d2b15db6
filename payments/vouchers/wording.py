"""What the pages of vouchers say."""

from payments.vouchers.rules import VoucherState

STATE_TEXTS: dict[VoucherState, str] = {
    "not_pre_activated": "Waiting for approval",
    "pre_activated": "Not usable yet",
    "activated": "Usable",
    "used": "Used",
    "suspended": "Suspended",
    "blocked": "Blocked",
    "purged": "Removed",
    "expired": "Expired",
    "cancelled": "Cancelled",
}
STATE_COLOURS: dict[VoucherState, str] = {
    "activated": "green",
    "used": "grey",
    "suspended": "orange",
    "blocked": "red",
    "cancelled": "grey",
    "expired": "grey",
}
BATCH_TEXTS = {
    "awaiting_approval": "Waiting for approval",
    "approved": "Approved",
    "rejected": "Rejected",
}
BATCH_COLOURS = {"awaiting_approval": "orange", "approved": "green", "rejected": "red"}
KIND_TEXTS = {"voucher": "Voucher", "payment_order": "Payment order"}
EVENT_TEXTS = {
    "requested": "Put forward",
    "pre_activated": "Made",
    "activated": "Made usable",
    "redeemed": "Used by a merchant",
    "printed": "Printed",
    "reprinted": "Printed again",
    "suspended": "Suspended",
    "resumed": "Made usable again",
    "blocked": "Blocked",
    "cancelled": "Cancelled",
    "purged": "Removed",
    "expired": "Expired",
    "rejected": "Rejected",
}
DONE = {
    "group": "The group was made. Ask for money for it next.",
    "funding": "You asked for money. Somebody else has to agree.",
    "agreed": "The money is in the group.",
    "refused": "You refused the money.",
    "merchant": "The merchant was added.",
    "forward": "The batch was put forward. Somebody else has to approve it.",
    "approved": "You approved the batch. Its vouchers can be used now.",
    "signed": "You approved the batch. Somebody else has to approve it too.",
    "rejected": "You rejected the batch.",
    "changed": "The voucher was changed.",
    "replaced": "The lost voucher was cancelled. Somebody else has to approve its replacement.",
}
