"""Sets a voucher or payment order as tagged PDF (PDF/UA-1) with Typst and a code picture."""

import io
import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import segno
import typst

from payments.vouchers.rules import Kind, Recipient, show_number
from shared.clock import LONDON
from shared.money import format_pounds

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class PrintedVoucher:
    """What a printed voucher says; the number is the secret one, so the letter is worth money."""

    kind: Kind
    body: str
    purpose: str
    recipient: Recipient
    serial: str
    number: str
    amount_pence: int
    expires_at: datetime
    printed: int
    printed_at: datetime


def typeset(voucher: PrintedVoucher) -> bytes:
    """Return the letter as PDF/UA-1.

    Raises:
        typst.TypstError: PDF/UA-1 cannot be met.
    """
    return typst.compile(
        _FOLDER / "letter.typ",
        root=_FOLDER,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"letter": json.dumps(_contents(voucher))},
        pdf_standards="ua-1",
        timestamp=int(voucher.printed_at.timestamp()),
    )


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)


def _contents(voucher: PrintedVoucher) -> dict[str, object]:
    day, until = voucher.printed_at.astimezone(LONDON), voucher.expires_at.astimezone(LONDON)
    is_order = voucher.kind == "payment_order"
    name = "Payment order" if is_order else "Voucher"
    amount = format_pounds(voucher.amount_pence)
    how = (
        f"Take this letter and proof of who you are to a paying agent to be paid {amount}."
        if is_order
        else f"Show this letter at a shop that takes our vouchers to pay up to {amount}."
    )
    copy = [] if voucher.printed == 1 else [f"This is print {voucher.printed} of this letter."]
    return {
        "title": f"{name} for {amount}",
        "body": voucher.body,
        "recipient": voucher.recipient.name,
        "address": list(voucher.recipient.address),
        "paragraphs": [voucher.purpose, how, "It can be used once, and only as a whole."],
        "facts": [
            ["Amount", amount],
            ["Use it before", f"{until.day} {until:%B %Y}"],
            ["Serial number", voucher.serial],
        ],
        "number": show_number(voucher.number),
        "code": _picture(voucher.number),
        "alt": f"Code that holds the number {show_number(voucher.number)}",
        "small": [
            "Keep this letter safe. Who has its number can use it.",
            "If you lose it, tell us its serial number: we stop it and send another.",
            *copy,
        ],
        "year": day.year,
        "month": day.month,
        "day": day.day,
    }


def _picture(number: str) -> str:
    picture = io.BytesIO()
    segno.make(number, error="m", micro=False).save(picture, kind="svg", border=2, xmldecl=False)
    return picture.getvalue().decode()
