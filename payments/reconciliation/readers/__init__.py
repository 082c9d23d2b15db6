"""Readers of bank statements, all into one model."""

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.readers import camt053, data_services
from payments.reconciliation.rules import ReadStatements


def read_statements(content: bytes) -> ReadStatements:
    """Return what a statement file says, whichever of the known formats it has.

    Raises:
        UnreadableError: unknown format, broken, or totals that contradict the lines; with line.
    """
    if content.startswith(b"VOL1"):
        return data_services.read(content)
    if content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        return camt053.read(content)
    raise UnreadableError(1, "neither camt.053 nor NatWest Data Services")
