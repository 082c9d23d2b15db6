"""Writes pain.002.001.10, what the bank says of a pain.001."""

import sqlite3
from collections.abc import Sequence
from datetime import date
from xml.sax.saxutils import escape

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"


def status_report(
    submission: sqlite3.Row, bad: Sequence[sqlite3.Row], day: date, off: int = 0
) -> bytes:
    """Return the status of a message: accepted, but for the transfers that are named.

    ``off`` pence too many are told, as a bank that contradicts the message would.
    """
    message = submission["user_number"] + submission["serial"]
    pence = submission["pence"] + off
    everything_bad = len(bad) == submission["items"]
    group = "RJCT" if everything_bad else "PART" if bad else "ACCP"
    transactions = "".join(_transaction(item) for item in bad)
    if bad and not everything_bad:
        # The level above says what holds for those that are not named.
        payment = "<PmtInfSts>ACCP</PmtInfSts>"
    else:
        payment = f"<PmtInfSts>{group}</PmtInfSts>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="{_NAMESPACE}"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>PSR{message}</MsgId><CreDtTm>{day.isoformat()}T12:00:00</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId>"
        "<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>"
        f"<OrgnlNbOfTxs>{submission['items']}</OrgnlNbOfTxs>"
        f"<OrgnlCtrlSum>{pence // 100}.{pence % 100:02d}</OrgnlCtrlSum>"
        f"<GrpSts>{group}</GrpSts></OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{message}</OrgnlPmtInfId>{payment}{transactions}"
        "</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>\n"
    ).encode()


def _transaction(item: sqlite3.Row) -> str:
    end_to_end = escape(item["end_to_end"])
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{end_to_end}</OrgnlEndToEndId><TxSts>RJCT</TxSts>"
        "<StsRsnInf><Rsn><Cd>AC01</Cd></Rsn><AddtlInf>DESTINATION SORT CODE</AddtlInf></StsRsnInf>"
        "</TxInfAndSts>"
    )
