"""One list of everything that happened to a payment, and a picture of how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time

from sqlalchemy.orm import Session

from payments.payees.queries import find_check
from payments.payees.rules import GROUP_TITLES, outcome_of
from payments.reports.evidence.queries import list_files, list_ledger_lines, list_told
from payments.reports.remittance.queries import find_advice
from payments.runs.queries.outcomes import BankLine, list_bank_lines
from payments.runs.queries.payments import Event, Payment, list_payment_events
from payments.runs.rules import WORDS, PaymentState
from payments.runs.wording import capital, tell_staff, tell_who
from shared.clock import LONDON
from shared.money import format_pounds

# What kind of thing a line is: a sign for the eye, and a word for everybody.
KINDS: dict[str, tuple[str, str]] = {
    "person": ("●", "A person"),
    "state": ("○", "The service"),
    "check": ("✓", "A check"),
    "file": ("▤", "A file"),
    "bank": ("▲", "The bank"),
    "statement": ("≡", "Bank statement"),
    "ledger": ("£", "Ledger"),
    "message": ("✉", "A message"),
}
_BY_BANK = (
    *("submitted", "accepted", "paid", "unpaid", "returned"),
    *("refused", "rejected", "contradicted"),
)
_LEDGER = {
    "payment.approved": "Booked as owed to the payee",
    "payment.reissued": "Booked as owed again, from money that came back",
    "payment.recalled": "Booking undone: the payment was recalled",
    "payment.refused": "Booked: the bank refused the file",
    "payment.rejected": "Booked: rejected, the money is still ours",
    "payment.return_advised": "Booked: a return was advised",
    "payment.return_received": "Booked: the return is in the bank account",
    "payment.written_back": "Booked: written back",
}
_ADVICE = {
    "waiting": "Remittance advice waits to be sent",
    "sent": "Remittance advice sent by email",
    "no_address": "No remittance advice: the payee has no email address",
    "failed": "Remittance advice could not be sent",
}
_FILE_STATES = {
    "acknowledged": "The bank took the file over",
    "refused": "The bank refused the file",
    "abandoned": "The file was never sent",
}


@dataclass(frozen=True)
class Line:
    """One thing that happened."""

    at: datetime
    kind: str
    what: str
    who: str = ""
    notes: Sequence[str] = field(default_factory=tuple)
    href: str = ""
    is_day: bool = False
    content: str = ""

    @property
    def sign(self) -> str:
        """The sign of its kind."""
        return KINDS[self.kind][0]

    @property
    def kind_text(self) -> str:
        """The word for its kind."""
        return KINDS[self.kind][1]


@dataclass(frozen=True)
class Step:
    """One step from accepted to reconciled: done, now, to_come or failed."""

    text: str
    word: str
    state: str


def make_timeline(session: Session, payment: Payment) -> list[Line]:
    """Return everything that is known to have happened to a payment, oldest first."""
    lines = [_of_event(event) for event in list_payment_events(session, payment)]
    lines += _of_check(session, payment)
    lines += _of_files(session, payment)
    lines += [_of_bank_line(line) for line in list_bank_lines(session, payment.id)]
    for entry in list_ledger_lines(session, payment.organisation, payment.id):
        what = _LEDGER.get(entry.event_type, entry.event_type)
        booked = f"{entry.debit} → {entry.credit}, {format_pounds(entry.pence)}"
        href = f"/payments/ledger/entries/{entry.id}"
        lines.append(Line(entry.recorded_at, "ledger", what, notes=(booked,), href=href))
    lines += [
        Line(told.at, "message", "Webhook delivered", notes=(f"{told.type}: {told.url}",))
        for told in list_told(session, payment.organisation, payment.public_id)
    ]
    advice = find_advice(session, payment.id)
    if advice is not None:
        what = _ADVICE[advice.state]
        lines.append(Line(advice.done_at or advice.created_at, "message", what))
    return sorted(lines, key=lambda line: line.at)


def _of_event(event: Event) -> Line:
    notes = [
        capital(str(event.details[name]))
        for name in ("hold", "reason", "from")
        if event.details.get(name)
    ]
    before, after = event.details.get("amount_pence_before"), event.details.get("amount_pence")
    if event.kind == "edited" and before is not None and after is not None and before != after:
        notes.insert(0, f"{format_pounds(int(before))} → {format_pounds(int(after))}")
    by_person = event.actor_kind == "staff"
    kind = "person" if by_person else "bank" if event.kind in _BY_BANK else "state"
    content = str(event.details.get("content_sha256") or "")[:16]
    return Line(event.at, kind, tell_staff(event), tell_who(event), tuple(notes), content=content)


def _of_check(session: Session, payment: Payment) -> list[Line]:
    check = (
        find_check(session, payment.organisation, payment.check_id) if payment.check_id else None
    )
    if check is None or check.answered_at is None:
        return []
    outcome = outcome_of(check.reason_code)
    code = f" ({check.reason_code})" if check.reason_code else ""
    what = f"Confirmation of Payee: {GROUP_TITLES[outcome.group]}{code}"
    return [Line(check.answered_at, "check", what, notes=(outcome.explanation,))]


def _of_files(session: Session, payment: Payment) -> list[Line]:
    lines = []
    for one in list_files(session, payment.id):
        if one.sealed_at is None or one.sha256 is None:
            continue
        size = f"{one.payments} payments, {format_pounds(one.pence)}, {one.size} bytes"
        notes = (f"Serial {one.serial}: {size}", f"SHA-256 {one.sha256.hex()}")
        lines.append(Line(one.sealed_at, "file", "Put into a file for the bank", notes=notes))
        if one.sending_at is not None:
            lines.append(Line(one.sending_at, "file", "The file is handed over", notes=notes[:1]))
        if one.decided_at is not None and one.state in _FILE_STATES:
            why = (one.refusal,) if one.refusal else ()
            lines.append(Line(one.decided_at, "bank", _FILE_STATES[one.state], notes=why))
    return lines


def _of_bank_line(line: BankLine) -> Line:
    what = "Return of this payment" if line.is_return else "Debit of the whole file"
    return Line(
        datetime.combine(line.booking_date, time.max, LONDON),
        "statement",
        what,
        notes=(f"{format_pounds(line.amount_pence)}, {line.reference}",),
        href=f"/payments/reconciliation/statements/{line.statement_id}",
        is_day=True,
    )


_ORDER: tuple[tuple[PaymentState, str], ...] = (
    ("ready", "Accepted by this service"),
    ("approved", "Approved"),
    ("released", "Released"),
    ("submitted", "Sent to the bank"),
    ("accepted", "Accepted by the bank"),
    ("paid", "Paid"),
)
_FAILED = {
    "invalid": "Not valid",
    "held": "Held",
    "rejected": "Rejected by the approver",
    "recalled": "Recalled",
    "cancelled": "Removed",
    "scheme_rejected": "Rejected by the bank",
    "returned": "Returned",
}


def make_picture(payment: Payment, lines: Sequence[Line], seen: Sequence[str | None]) -> list[Step]:
    """Return the steps of a payment from accepted to reconciled, with the ScotPayments words.

    ``seen`` are the states that its history tells of: a payment that failed keeps the steps that
    it had taken.
    """
    names = [name for name, _ in _ORDER]
    reached = {name for name in (*seen, payment.state) if name in names}
    furthest = max((names.index(name) for name in reached), default=0)
    failed = payment.state in _FAILED
    steps = []
    for number, (name, words) in enumerate(_ORDER):
        if failed and number > furthest:
            break
        is_now = number == furthest and not failed
        state = "to_come" if number > furthest else "now" if is_now else "done"
        steps.append(Step(words, capital(WORDS.get(name, "")), state))
    if failed:
        word = capital(WORDS.get(payment.state, ""))
        return [*steps, Step(_FAILED[payment.state], word, "failed")]
    matched = any(line.kind == "statement" for line in lines)
    if matched and payment.state == "paid":
        steps[-1] = Step(steps[-1].text, steps[-1].word, "done")
    last = "now" if matched and payment.state == "paid" else "to_come"
    return [*steps, Step("Reconciled with the bank statement", "", last)]


def states_seen(events: Sequence[Event]) -> list[str | None]:
    """Return the states that a history tells of."""
    return [event.state for event in events]
