"""The body's limits of the rail "payment order": asked when vouchers are ordered and approved."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from payments.controls.queries.rules import get_rules
from payments.controls.rules import Rules, Subject, find_limit
from payments.vouchers.queries import Group
from shared.errors import Conflict, FieldError, Invalid
from shared.money import format_pounds

# The rail under which limits, bands and authorities speak of vouchers and payment orders.
RAIL = "payment_order"


def check_amounts(rules: Rules, subject: Subject, largest_pence: int) -> None:
    """Refuse a batch of which one voucher, or all together, are above a limit.

    Raises:
        Conflict: ``payment_over_limit`` or ``run_over_limit``, with the limit.
    """
    single = find_limit(rules, subject, "payment")
    if single is not None and largest_pence > single:
        limit = format_pounds(single)
        raise Conflict("payment_over_limit", f"A voucher is above the limit of {limit} for one")
    whole = find_limit(rules, subject, "run")
    if whole is not None and subject.total_pence > whole:
        limit = format_pounds(whole)
        raise Conflict("run_over_limit", f"The batch is above the limit of {limit} for one run")


def check_ordered(session: Session, group: Group, amounts: Sequence[int]) -> None:
    """Refuse vouchers above the body's limits when they are ordered, before money is kept for them.

    Those of a rehearsal are worth nothing and pass.

    Raises:
        Invalid: names ``amount``, with the limit.
    """
    if group.is_rehearsal or not amounts:
        return
    subject = Subject(group.programme_id, RAIL, sum(amounts))
    try:
        check_amounts(get_rules(session, group.organisation), subject, max(amounts))
    except Conflict as refused:
        raise Invalid(FieldError("amount", refused.title), code=refused.code) from refused
