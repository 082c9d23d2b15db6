"""Tells a case as people read it: what happened when, how it stands, what to do now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.journeys.queries import Decision, Event, Notice, Payout, SentLetter
from gateway.journeys.rules import PayoutState, State
from shared.money import format_pounds

Say = Callable[[str], str]
Colour = str


@dataclass(frozen=True)
class Case:
    """Everything that is known of a case."""

    state: State
    events: list[Event]
    decision: Decision | None
    payouts: list[Payout]
    letters: list[SentLetter]
    notices: list[Notice]


@dataclass(frozen=True)
class Entry:
    """One line of the timeline."""

    at: datetime
    title: str
    detail: str = ""


@dataclass(frozen=True)
class Status:
    """How a case stands, as a tag and a sentence."""

    tag: str
    colour: Colour
    sentence: str


def entries_of(case: Case, _: Say) -> list[Entry]:
    """Return the timeline, oldest first."""
    entries = [entry for event in case.events for entry in _from_event(event, case, _)]
    entries += [_from_notice(notice, _) for notice in case.notices]
    # Sorting keeps the order of what happened in one moment, as a decision and its payment do.
    return sorted(entries, key=lambda entry: entry.at)


def _from_event(event: Event, case: Case, _: Say) -> list[Entry]:
    amount = format_pounds((case.decision.amount_pence or 0) if case.decision else 0)
    titles: Mapping[str, str] = {
        "submit": _("You sent your application"),
        "award": _("We decided to award you {amount}").format(amount=amount),
        "refuse": _("We decided not to award the grant"),
        "refer": _("A person has to look at your application"),
        "send_letter": _("We put a letter in your mailbox"),
        "renew_payment": _("You gave us new bank details"),
        "request_payment": _("The payment was handed to our finance team"),
        "payment_refused": _("The payment could not be prepared"),
    }
    refused = event.details.get("payment_id") == "refused"
    title = titles.get("payment_refused" if refused else event.move)
    return [] if title is None else [Entry(event.at, title)]


def _from_notice(notice: Notice, _: Say) -> Entry:
    titles: Mapping[str, str] = {
        "accepted": _("The finance team has your payment"),
        "approved": _("The payment was approved"),
        "sent": _("The payment was sent to your bank"),
        "paid": _("The money was paid"),
        "returned": _("The bank sent the money back"),
        "stopped": _("The payment was stopped"),
        "opened": _("You opened the letter"),
    }
    shows_reason = notice.state in ("returned", "stopped")
    return Entry(
        notice.occurred_at,
        titles.get(notice.state, _("There is news of your payment")),
        tell_reason(notice.reason, _) if shows_reason else "",
    )


def tell_reason(reason: str, _: Say) -> str:
    """Return a bank's reason as a sentence; one that is not known stays as it was said."""
    sentences: Mapping[str, str] = {
        "invalid details": _("The account details are not right."),
        "beneficiary deceased": _("The bank cannot pay into this account any more."),
        "account transferred": _("The account was moved to another bank."),
        "no account": _("There is no such account."),
        "account closed": _("The account is closed."),
        "requested by remitter": _("We asked the bank to send the money back."),
    }
    return sentences.get(reason, reason[:1].upper() + reason[1:])


def status_of(case: Case, _: Say) -> Status:
    """Return how a case stands now."""
    latest = case.payouts[-1] if case.payouts else None
    if latest is not None:
        return _payment_status(latest.state, _)
    if case.decision is None:
        return Status(_("Sent"), "blue", _("We have your application and are deciding it."))
    if case.decision.outcome == "eligible":
        return Status(
            _("Awarded"), "green", _("We have awarded the grant and are preparing the payment.")
        )
    if case.decision.outcome == "not_eligible":
        return Status(
            _("Not awarded"), "grey", _("We cannot award the grant. The reasons are below.")
        )
    return Status(
        _("With a person"),
        "blue",
        _("A person has to look at your application. We will write to you."),
    )


def _payment_status(state: PayoutState, _: Say) -> Status:
    table: Mapping[PayoutState, Status] = {
        "requested": Status(
            _("Awarded"), "green", _("We have awarded the grant and are preparing the payment.")
        ),
        "accepted": Status(
            _("Awarded"), "green", _("We have awarded the grant. The payment waits for approval.")
        ),
        "approved": Status(
            _("Payment approved"), "green", _("The payment is approved and goes to the bank next.")
        ),
        "sent": Status(
            _("Payment sent"),
            "green",
            _("The payment is on its way. It usually arrives within three working days."),
        ),
        "paid": Status(_("Paid"), "green", _("The money was paid into your account.")),
        "refused": Status(
            _("New bank details needed"),
            "red",
            _("We could not prepare the payment with the bank details that you gave."),
        ),
        "returned": Status(
            _("New bank details needed"),
            "red",
            _("The bank sent the money back to us. It is safe, and still yours."),
        ),
        "stopped": Status(
            _("Payment stopped"), "orange", _("The payment was stopped. Please contact us.")
        ),
    }
    return table[state]
