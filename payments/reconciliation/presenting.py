"""Plain values for the pages of reconciliation and the ledger."""

from collections.abc import Mapping, Sequence

from payments.bank.queries import BankAccount, SubmissionView
from payments.ledger.queries import AccountBalance, EntryView
from payments.reconciliation.queries import (
    AccountProof,
    ExceptionView,
    LineView,
    Proof,
    StatementView,
)
from payments.runs.wording import capital
from shared.money import format_pounds

Values = dict[str, object]

FORMATS = {
    "camt.053": "camt.053",
    "camt.054": "camt.054",
    "natwest-data-services": "NatWest Data Services",
    "mt940": "MT940",
    "mt942": "MT942",
    "bai2": "BAI2",
    "ofx": "OFX",
    "csv": "CSV",
}
STATEMENT_STATES = {
    "waiting": ("Waiting", "grey"),
    "gap": ("A statement is missing", "red"),
    "mismatch": ("Does not add up", "red"),
    "totals": ("Totals are wrong", "red"),
    "set_aside": ("Shown only, not booked", "grey"),
    "reconciled": ("Reconciled", "green"),
}
CODES = {
    "UNMATCHED_LINE": "Not explained",
    "UNMATCHED_PAYMENT": "Not on any statement",
    "AMT": "Amount differs",
    "AMB": "More than one fits",
    "DAT": "Day differs",
    "DUPLICATE_LINE": "Same line twice",
    "RETURN": "Payment came back",
    "RETURN_NO_ORIGINAL": "Return without payment",
    "STATEMENT_GAP": "Statement missing",
    "BALANCE_MISMATCH": "Statement does not add up",
    "TOTALS_WRONG": "Control totals are wrong",
}
KINDS = {
    "contra": "Bacs submission",
    "return": "Return",
    "credit": "Money in",
    "debit": "Money out",
}
EVENTS = {
    "payment.approved": "Payment approved",
    "run.reserved": "Funds reserved",
    "reservation.expired": "Reservation expired",
    "run.recalled": "Run recalled",
    "payment.recalled": "Payment recalled",
    "submission.acknowledged": "Submission taken over by the bank",
    "submission.settled": "Submission paid on the statement",
    "submission.void": "Reservation released: the bank pays nothing",
    "payment.refused": "Payment in a file that the bank refused",
    "payment.rejected": "Payment rejected on input",
    "payment.return_advised": "Return advised",
    "payment.return_received": "Return received",
    "payment.reissued": "Payment issued again",
    "payment.written_back": "Payment written back",
    "line.unidentified": "Unexplained line to suspense",
    "line.identified": "Line explained later: out of suspense",
    "line.written_off": "Difference written off",
    "journal.posted": "Manual journal",
    "journal.reversed": "Manual journal reversed",
    "payment.settled": "Payment paid on the statement",
    "item.received": "Expected amount on the statement",
    "match.undone": "Match taken back: into suspense",
    "statement.accepted": "Statement accepted with a difference",
    "bank.opened": "Opening balance",
}

ENTRY_KINDS = {
    "posted": "Posted",
    "pending": "Reserved",
    "post": "Posted",
    "void": "Freed",
    "reversal": "Reversal",
    "correction": "Correction",
}
# A reservation that something came of says so, and no more that it is one.
RESOLUTIONS = {
    "posted": "Reserved, then posted",
    "voided": "Reserved, then freed",
    "expired": "Reserved, then expired",
}
ACCOUNTS = {
    "bank": "Bank account",
    "suspense": "Suspense",
    "in_transit": "In transit",
    "opening_balance": "Opening balance",
    "payments_approved": "Payments approved",
    "payout_in_transit": "Payout in transit",
    "programme_expenditure": "Programme expenditure",
    "programme_income": "Programme income",
    "returned_unapplied": "Returned, to be paid again",
    "returns_receivable": "Returns receivable",
}


def account_name(account: BankAccount) -> str:
    """Return an account as staff know it: its name and the end of its number."""
    return f"{account.name} ({account.code}, ending {account.account_number[-4:]})"


def amount(pence: int | None) -> str:
    """Return pence as pounds, a dash for none."""
    return "–" if pence is None else format_pounds(pence)


def present_statement(one: StatementView) -> Values:
    """Return a statement as a page shows it."""
    text, colour = STATEMENT_STATES[one.state]
    period = f"{one.from_date:%-d %B %Y}"
    if one.to_date != one.from_date:
        period += f" – {one.to_date:%-d %B %Y}"
    return {
        "href": f"/payments/reconciliation/statements/{one.id}",
        "name": one.identification,
        "account": f"{one.account_name} ({one.account_code})",
        "period": period,
        "format": FORMATS.get(one.format, one.format),
        "source": one.source,
        "file": one.file_name,
        "sequence": one.sequence,
        "opening": amount(one.opening_pence),
        "closing": amount(one.closing_pence),
        "movement": amount(one.movement_pence),
        "lines": one.line_count,
        "matched": one.matched_count,
        "exceptions": one.open_exceptions,
        "state_text": text,
        "colour": colour,
        "is_stopped": one.state in {"gap", "mismatch", "totals", "waiting"},
        "received_at": one.received_at,
    }


def present_line(one: LineView) -> Values:
    """Return a statement's line with what explains it."""
    what, href = "", ""
    if one.target_type == "submission":
        what = f"Submission {one.target_reference}"
    elif one.target_type is not None:
        what = f"Payment {one.target_reference}"
    if one.run_id is not None:
        href = f"/payments/runs/{one.run_id}"
    return {
        "number": one.seq,
        "line_href": f"/payments/reconciliation/lines/{one.id}",
        "date": one.booking_date,
        "kind": KINDS[one.kind],
        "bank_code": one.bank_code,
        "text": " · ".join(filter(None, (one.counterparty, one.reference, one.return_reason))),
        "amount": amount(one.amount_pence),
        "what": what,
        "href": href,
        "reason": one.reason or "",
        "score": one.score,
        "exception": CODES.get(one.exception_code or "", ""),
        "exception_reason": capital(one.exception_reason or ""),
        "is_return": one.exception_code == "RETURN",
    }


def present_exception(one: ExceptionView) -> Values:
    """Return an exception as the list shows it."""
    reason, bank_reason = capital(one.reason), one.bank_reason or ""
    if one.code == "RETURN" and bank_reason:
        # The bank has advised the return as well: its words, with the statement's code.
        code, _, words = bank_reason.partition(": ")
        reason, bank_reason = f"{capital(words)} ({one.return_reason or code})", ""
    where = one.identification if one.line_seq is None else f"{one.identification}, {one.line_seq}"
    if one.statement_id is None:
        where = one.serial
    return {
        "code": one.code,
        "title": CODES[one.code],
        "colour": "red" if one.severity == "high" else "orange",
        "value": amount(one.value_pence),
        "reason": reason,
        "bank_reason": bank_reason,
        "reference": one.reference or "",
        "due": one.due_on,
        "where": where,
        "href": _href(one),
        "owner": one.owner_name or "",
        "run_href": "" if one.run_id is None else f"/payments/runs/{one.run_id}",
        "candidates": len(one.candidates),
    }


def _href(one: ExceptionView) -> str:
    if one.statement_id is None:
        return "/payments/reconciliation/awaited"
    if one.line_id is None:
        return f"/payments/reconciliation/statements/{one.statement_id}"
    return f"/payments/reconciliation/lines/{one.line_id}"


def present_proof(proof: Proof) -> Values:
    """Return the reconciliation report."""
    return {
        "holds": proof.holds,
        "faults": list(proof.faults),
        "in_transit": amount(proof.in_transit_pence),
        "outstanding": amount(proof.outstanding_pence),
        "receivable": amount(proof.returns_receivable_pence),
        "accounts": [_account(one) for one in proof.accounts],
        "submissions": [
            _submission(sent) for one in proof.accounts for sent in one.submissions[:20]
        ],
    }


def _account(one: AccountProof) -> Values:
    return {
        "name": account_name(one.account),
        "href": f"/payments/reconciliation/accounts/{one.account.id}",
        "bank": amount(one.statement_pence),
        "day": one.statement_day,
        "ledger": amount(one.ledger_pence),
        "difference": amount(one.difference_pence),
        "agrees": one.difference_pence in (None, 0),
        "suspense": amount(one.suspense_pence),
        "reserved": amount(one.reserved_pence),
    }


def _submission(one: SubmissionView) -> Values:
    return {
        "serial": one.serial,
        "href": f"/payments/runs/{one.run_id}",
        "file": amount(one.total_pence),
        "accepted": amount(one.accepted_pence),
        "rejected": amount(one.rejected_pence),
        "paid": amount(one.settled_pence),
        "returned": amount(one.returned_pence),
        "settled_on": one.settled_on,
        "doubt": one.attempt_state in {"sending", "unknown"},
        "refusal": one.refusal if one.state == "refused" else None,
    }


def present_balances(lines: Sequence[AccountBalance]) -> Values:
    """Return the trial balance with its two sums."""
    return {
        "rows": [
            {
                "code": line.code,
                **_names(line.code),
                "href": f"/payments/ledger/accounts/{line.code}",
                "debit": amount(line.posted_pence) if line.posted_pence > 0 else "",
                "credit": amount(-line.posted_pence) if line.posted_pence < 0 else "",
                "reserved": amount(line.pending_debit or line.pending_credit)
                if line.pending_debit or line.pending_credit
                else "",
            }
            for line in lines
        ],
        "debit": amount(sum(max(line.posted_pence, 0) for line in lines)),
        "credit": amount(sum(max(-line.posted_pence, 0) for line in lines)),
    }


def _names(code: str) -> Values:
    """Return what an account is called: a kind of account, and which one where there are more."""
    kind, _, which = code.partition(".")
    return {"name": ACCOUNTS.get(kind, code), "which": which}


def present_entry(entry: EntryView) -> Values:
    """Return an entry with its postings."""
    words: Mapping[str, str] = EVENTS
    return {
        "id": str(entry.id),
        "href": f"/payments/ledger/entries/{entry.id}",
        "what": words.get(entry.event_type, entry.event_type),
        "kind": RESOLUTIONS.get(entry.resolution or "") or ENTRY_KINDS[entry.kind],
        "event": entry.event_id,
        "effective_on": entry.effective_on,
        "recorded_at": entry.recorded_at,
        "purpose": entry.purpose,
        "refers_to": f"/payments/ledger/entries/{entry.refers_to}" if entry.refers_to else "",
        "amount": amount(
            sum(p.amount_pence for p in entry.postings if p.amount_pence > 0 and not p.pending)
            or sum(p.amount_pence for p in entry.postings if p.amount_pence > 0)
        ),
        "postings": [
            {
                "account": posting.account,
                **_names(posting.account),
                "href": f"/payments/ledger/accounts/{posting.account}",
                "debit": amount(posting.amount_pence) if posting.amount_pence > 0 else "",
                "credit": amount(-posting.amount_pence) if posting.amount_pence < 0 else "",
                "pending": posting.pending,
            }
            for posting in entry.postings
        ],
    }
