"""What the pages of vouchers show."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.runs.access import Staff
from payments.runs.presenting import Values
from payments.runs.queries.runs import list_programmes
from payments.runs.rules import APPROVER, UPLOADER
from payments.vouchers.actions.batches import open_recipient
from payments.vouchers.queries import (
    Batch,
    Group,
    Voucher,
    find_replacement,
    get_group,
    list_events,
    list_fundings,
    list_groups,
    list_merchants,
    list_signatures,
)
from payments.vouchers.wording import (
    BATCH_COLOURS,
    BATCH_TEXTS,
    EVENT_TEXTS,
    KIND_TEXTS,
    STATE_COLOURS,
    STATE_TEXTS,
)
from shared.money import format_pounds


def present_batch_line(batch: Batch) -> Values:
    """Return a line of the list of batches."""
    return {
        "href": f"/payments/vouchers/batches/{batch.id}",
        "reference": batch.reference,
        "kind": KIND_TEXTS[batch.kind],
        "state_text": BATCH_TEXTS[batch.state],
        "colour": BATCH_COLOURS[batch.state],
        "purpose": batch.purpose,
        "count": batch.voucher_count,
        "total": format_pounds(batch.total_pence),
        "made_by": batch.made_by_name,
        "made_at": batch.made_at,
    }


def present_group(group: Group) -> Values:
    """Return a group with its money."""
    return {
        "href": f"/payments/vouchers/groups/{group.id}",
        "name": group.name,
        "programme": group.programme_name,
        "funds": format_pounds(group.funds_pence),
        "committed": format_pounds(group.committed_pence),
        "available": format_pounds(group.available_pence),
        "days_valid": group.days_valid,
        "is_rehearsal": group.is_rehearsal,
    }


def present_overview(session: Session, staff: Staff, batches: Sequence[Batch]) -> Values:
    """Return what the first page of vouchers shows beside its pages of batches."""
    groups = list_groups(session, staff.organisation)
    names = {group.id: group.name for group in groups}
    return {
        "groups": [present_group(group) for group in groups],
        "batches": [present_batch_line(batch) for batch in batches],
        "fundings": [
            {
                "href": f"/payments/vouchers/fundings/{one.id}",
                "group": names.get(one.group_id, ""),
                "amount": format_pounds(one.amount_pence),
                "who": one.proposed_by_name,
                "at": one.proposed_at,
                "can_decide": staff.has(APPROVER) and one.proposed_by != staff.person_id,
            }
            for one in list_fundings(session, staff.organisation, "awaiting_approval")
        ],
        "can_make": staff.has(UPLOADER),
        "can_batch": staff.has(UPLOADER) and any(not group.is_rehearsal for group in groups),
    }


def present_group_page(session: Session, staff: Staff, group: Group) -> Values:
    """Return what the page of a group shows."""
    merchants = [
        {
            "name": one.name,
            "account": f"••••{one.account_tail}" if one.account_tail else one.bank_label,
            "can_be_credited": one.can_be_credited,
            "agent_id": one.agent_id,
        }
        for one in list_merchants(session, staff.organisation)
        if one.group_id == group.id
    ]
    can = staff.has(UPLOADER) and not group.is_rehearsal
    return {"group": present_group(group), "merchants": merchants, "can_change": can}


def present_new_group(session: Session, staff: Staff) -> Values:
    """Return the choices of the form that makes a group."""
    programmes = list_programmes(session, staff.organisation)
    return {"programmes": [{"value": one.slug, "text": one.name} for one in programmes]}


def present_new_batch(session: Session, staff: Staff) -> Values:
    """Return the choices of the form that puts a batch forward."""
    groups = [one for one in list_groups(session, staff.organisation) if not one.is_rehearsal]
    return {
        "groups": [
            {"value": str(one.id), "text": f"{one.name} ({format_pounds(one.available_pence)})"}
            for one in groups
        ]
    }


def present_batch(
    session: Session, staff: Staff, vault: DetailsVault, batch: Batch, vouchers: Sequence[Voucher]
) -> Values:
    """Return what the page of a batch shows; recipients are opened for who may see runs."""
    group = get_group(session, staff.organisation, batch.group_id)
    signatures = list_signatures(session, batch.id)
    has_signed = staff.person_id in {one.person_id for one in signatures}
    may_decide = staff.has(APPROVER) and batch.state == "awaiting_approval" and not has_signed
    return {
        "batch": {
            **present_batch_line(batch),
            "group": group.name,
            "hash": batch.content_sha256.hex(),
            "decided_by": batch.decided_by_name,
            "decided_at": batch.decided_at,
            "reason": batch.reason,
            "signed": ", ".join(one.person_name for one in signatures),
        },
        "can_decide": may_decide and batch.made_by != staff.person_id,
        "needs_other": batch.state == "awaiting_approval" and batch.made_by == staff.person_id,
        "vouchers": [present_line(vault, voucher) for voucher in vouchers],
    }


def present_line(vault: DetailsVault, voucher: Voucher) -> Values:
    """Return a line of a table of vouchers."""
    return {
        "href": f"/payments/vouchers/numbers/{voucher.serial}",
        "serial": voucher.serial,
        "name": open_recipient(vault, voucher).name,
        "state_text": STATE_TEXTS[voucher.state],
        "colour": STATE_COLOURS.get(voucher.state, ""),
        "amount": _amount(voucher),
        "expires_at": voucher.expires_at,
    }


def _amount(voucher: Voucher) -> str:
    pounds = format_pounds(voucher.amount_pence)
    return pounds if voucher.currency == "GBP" else f"{pounds[1:]} {voucher.currency}"


def present_voucher(
    session: Session, staff: Staff, vault: DetailsVault, voucher: Voucher
) -> Values:
    """Return what the page of one voucher shows; never its secret number."""
    recipient = open_recipient(vault, voucher)
    stops = staff.has(UPLOADER, APPROVER)
    is_alive = voucher.state in ("pre_activated", "activated", "suspended", "blocked")
    replacement = find_replacement(session, voucher.id)
    is_lost = voucher.state in ("activated", "suspended", "blocked", "expired")
    return {
        "voucher": {
            **present_line(vault, voucher),
            "kind": KIND_TEXTS[voucher.kind],
            "address": list(recipient.address),
            "prints": voucher.prints,
            "used_at": voucher.used_at,
            "is_rehearsal": voucher.is_rehearsal,
            "batch_href": f"/payments/vouchers/batches/{voucher.batch_id}"
            if voucher.batch_id
            else "",
            "replacement": replacement or "",
        },
        "can": {
            "suspend": stops and voucher.state == "activated",
            "resume": stops and voucher.state == "suspended",
            "block": stops and voucher.state in ("activated", "suspended", "pre_activated"),
            "cancel": stops and is_alive,
            "print": stops and voucher.state == "activated" and bool(recipient.name),
            "replace": staff.has(UPLOADER)
            and is_lost
            and bool(recipient.name)
            and replacement is None,
        },
        "history": [
            {
                "what": EVENT_TEXTS.get(event.kind, event.kind),
                "who": event.actor_name,
                "at": event.at,
                "notes": [str(event.details["reason"])] if event.details.get("reason") else [],
                "payment": "",
                "hash": "",
            }
            for event in list_events(session, voucher.id)
        ],
    }
