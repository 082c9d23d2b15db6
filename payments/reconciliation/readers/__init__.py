"""Readers of bank statements, all into one model."""

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.readers import (
    bai2_reporting,
    camt053,
    csv_lines,
    data_services,
    ofx,
    swift_mt,
)
from payments.reconciliation.readers.csv_lines import ColumnMap
from payments.reconciliation.rules import ReadStatements

_BLANK = b"\xef\xbb\xbf \r\n\t"


def detect_format(content: bytes) -> str:
    """Return which format a file has by its beginning; empty for none that is known."""
    begin = content[:65536].lstrip(_BLANK)
    if content.startswith(b"VOL1"):
        return "natwest-data-services"
    upper = begin[:4096].upper()
    if b"<OFX>" in upper or upper.startswith(b"OFXHEADER"):
        return "ofx"
    if begin.startswith(b"<"):
        return "camt"
    if begin.startswith(b"01,"):
        return "bai2"
    if begin.startswith((b":", b"{1:")) or b"\n:20:" in begin:
        return "mt940"
    return "csv" if csv_lines.looks_like_csv(content) else ""


def read_statements(content: bytes, columns: ColumnMap | None = None) -> ReadStatements:
    """Return what a statement file says, whichever of the known formats it has.

    A table (CSV) needs to be told what its columns hold.

    Raises:
        UnreadableError: unknown format, broken, or totals that contradict the lines; with line.
    """
    format_ = detect_format(content)
    if format_ == "csv":
        if columns is None:
            raise UnreadableError(1, "a table (CSV): first say what its columns hold")
        return csv_lines.read(content, columns)
    reader = {
        "natwest-data-services": data_services.read,
        "ofx": ofx.read,
        "camt": camt053.read,
        "bai2": bai2_reporting.read,
        "mt940": swift_mt.read,
    }.get(format_)
    if reader is None:
        raise UnreadableError(
            1,
            "neither camt.053 nor NatWest Data Services, MT940, MT942, BAI2, OFX or a table (CSV)",
        )
    return reader(content)
