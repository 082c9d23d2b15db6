"""Rows that look like a payment that was made already: in their file, in others, in history."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, TextClause
from sqlalchemy.orm import Session

from payments.runs.rules import Hold
from payments.uploads.sql_compare import (
    ALIKE_IN_FILE,
    ALIKE_IN_HISTORY,
    ALIKE_IN_OTHERS,
    INVOICES_IN_HISTORY,
    OTHER_UPLOADS,
)

_SAME = "the same account, amount and reference."
_INVOICE = "the same invoice to the same payee."
_ROW_NAME = "Row {} of this file pays the same account under another name."
_PAYMENT_NAME = "Payment {} went to the same account under another name."
_Found = Mapping[int, Row[Any]]


def find_alike(session: Session, values: Mapping[str, object]) -> dict[int, Hold]:
    """Return why rows of a shard wait for a person, by number; the gravest reason of each.

    ``values`` are those of the shard. Reads only.
    """
    others = session.execute(OTHER_UPLOADS, values).scalars().all()
    in_file = _find(session, ALIKE_IN_FILE, values)
    in_history = _find(session, ALIKE_IN_HISTORY, values)
    invoices = _find(session, INVOICES_IN_HISTORY, values)
    in_others = _find(session, ALIKE_IN_OTHERS, values, others) if others else {}
    numbers = in_file.keys() | in_history.keys() | invoices.keys() | in_others.keys()
    found = {}
    for number in numbers:
        rows = [one.get(number) for one in (in_file, in_history, invoices, in_others)]
        if (hold := _judge(*rows)) is not None:
            found[number] = hold
    return found


def _find(
    session: Session,
    statement: TextClause,
    values: Mapping[str, object],
    others: Sequence[object] = (),
) -> _Found:
    rows = session.execute(statement, {**values, "others": list(others)})
    return {row.number: row for row in rows}


def _judge(
    in_file: Row[Any] | None,
    in_history: Row[Any] | None,
    invoice: Row[Any] | None,
    in_others: Row[Any] | None,
) -> Hold | None:
    """Return the first reason that holds a row; what is likeliest to be paid twice comes first."""
    is_known = in_history is not None and in_history.is_known
    reasons = (
        ("duplicate", in_file and in_file.same, f"Row {{}} of this file has {_SAME}"),
        ("duplicate", in_history and in_history.same, f"Payment {{}} has {_SAME}"),
        ("same_invoice", in_file and in_file.billed, f"Row {{}} of this file pays {_INVOICE}"),
        ("same_invoice", invoice and invoice.billed, f"Payment {{}} paid {_INVOICE}"),
        ("several_names", in_file and not is_known and in_file.other, _ROW_NAME),
        ("several_names", in_history and not is_known and in_history.other, _PAYMENT_NAME),
        ("duplicate", in_others and in_others.same, f"Row {{}} has {_SAME}"),
        ("same_invoice", in_others and in_others.billed, f"Row {{}} pays {_INVOICE}"),
    )
    found = ((code, other, words) for code, other, words in reasons if other)
    return next((Hold(code, words.format(other)) for code, other, words in found), None)
