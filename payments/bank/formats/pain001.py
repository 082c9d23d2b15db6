"""Writes pain.001.001.09 in pounds (payments contract 7.1), piece by piece.

Our own generator, because the usual SEPA library writes the service level SEPA and the charge
bearer SLEV whatever the currency. What it writes is validated against the schema in the tests.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from xml.sax.saxutils import escape

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
# What no XML 1.0 document can hold.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_NAME = 140
_LONGEST_REMITTANCE = 140
_MAXIMUM_PENCE = 99_999_999_999


@dataclass(frozen=True)
class Head:
    """What is said once; the amounts in pence, days and times as the bank gets them."""

    message_id: str
    created_at: datetime
    payment_count: int
    total_pence: int
    initiator: str
    initiator_id: str
    service_level: str
    execution_day: date
    sort_code: str
    account_number: str
    bic: str
    charge_bearer: str
    batch_booking: bool


@dataclass(frozen=True)
class Transfer:
    """One credit transfer."""

    payment_id: UUID
    end_to_end_id: str
    sort_code: str
    account_number: str
    name: str
    amount_pence: int
    remittance: str


def header(head: Head) -> bytes:
    """Return the document up to its first credit transfer."""
    initiator, _ = _text(head.initiator, _LONGEST_NAME)
    agent = f"<BICFI>{head.bic}</BICFI>" if head.bic else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="{_NAMESPACE}"><CstmrCdtTrfInitn>'
        f"<GrpHdr><MsgId>{escape(head.message_id)}</MsgId>"
        f"<CreDtTm>{head.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</CreDtTm>"
        f"<NbOfTxs>{head.payment_count}</NbOfTxs><CtrlSum>{_pounds(head.total_pence)}</CtrlSum>"
        f"<InitgPty><Nm>{initiator}</Nm><Id><OrgId><Othr><Id>{escape(head.initiator_id)}</Id>"
        "</Othr></OrgId></Id></InitgPty></GrpHdr>"
        f"<PmtInf><PmtInfId>{escape(head.message_id)}</PmtInfId><PmtMtd>TRF</PmtMtd>"
        f"<BtchBookg>{str(head.batch_booking).lower()}</BtchBookg>"
        f"<NbOfTxs>{head.payment_count}</NbOfTxs><CtrlSum>{_pounds(head.total_pence)}</CtrlSum>"
        f"<PmtTpInf><SvcLvl><Cd>{escape(head.service_level)}</Cd></SvcLvl></PmtTpInf>"
        f"<ReqdExctnDt><Dt>{head.execution_day.isoformat()}</Dt></ReqdExctnDt>"
        f"<Dbtr><Nm>{initiator}</Nm></Dbtr>"
        f"<DbtrAcct><Id><Othr><Id>{head.account_number}</Id></Othr></Id><Ccy>GBP</Ccy></DbtrAcct>"
        f"<DbtrAgt><FinInstnId>{agent}{_member(head.sort_code)}</FinInstnId></DbtrAgt>"
        f"<ChrgBr>{head.charge_bearer}</ChrgBr>\n"
    ).encode()


def transfer(one: Transfer) -> tuple[bytes, bool]:
    """Return one credit transfer, and whether a text had to be changed to fit.

    Raises:
        ValueError: digits, amount or name that the message cannot carry.
    """
    if not re.fullmatch(r"[0-9]{6}", one.sort_code) or not re.fullmatch(
        r"[0-9]{8}", one.account_number
    ):
        raise ValueError("payee: six digits of sort code and eight of account are needed")
    if not 0 < one.amount_pence <= _MAXIMUM_PENCE:
        raise ValueError(f"amount outside 1 to {_MAXIMUM_PENCE}")
    name, name_changed = _text(one.name, _LONGEST_NAME)
    remittance, remittance_changed = _text(one.remittance, _LONGEST_REMITTANCE)
    if not name:
        raise ValueError("no name")
    written = (
        f"<CdtTrfTxInf><PmtId><InstrId>{escape(one.end_to_end_id)}</InstrId>"
        f"<EndToEndId>{escape(one.end_to_end_id)}</EndToEndId>"
        f"<UETR>{transaction_reference(one.payment_id)}</UETR></PmtId>"
        f'<Amt><InstdAmt Ccy="GBP">{_pounds(one.amount_pence)}</InstdAmt></Amt>'
        f"<CdtrAgt><FinInstnId>{_member(one.sort_code)}</FinInstnId></CdtrAgt>"
        f"<Cdtr><Nm>{name}</Nm></Cdtr>"
        f"<CdtrAcct><Id><Othr><Id>{one.account_number}</Id></Othr></Id></CdtrAcct>"
        + (f"<RmtInf><Ustrd>{remittance}</Ustrd></RmtInf>" if remittance else "")
        + "</CdtTrfTxInf>\n"
    )
    return written.encode(), name_changed or remittance_changed


def trailer() -> bytes:
    """Return the end of the document."""
    return b"</PmtInf></CstmrCdtTrfInitn></Document>\n"


def transaction_reference(payment_id: UUID) -> UUID:
    """Return the UETR of a payment: shaped as a version 4 UUID, and always the same.

    It tells nothing of the payment's id, which shows when it was made.
    """
    digest = hashlib.sha256(b"uetr" + payment_id.bytes).digest()
    return UUID(bytes=digest[:16], version=4)


def _pounds(pence: int) -> str:
    return f"{pence // 100}.{pence % 100:02d}"


def _member(sort_code: str) -> str:
    return (
        f"<ClrSysMmbId><ClrSysId><Cd>GBDSC</Cd></ClrSysId><MmbId>{sort_code}</MmbId></ClrSysMmbId>"
    )


def _text(text: str, longest: int) -> tuple[str, bool]:
    """Return a text as XML carries it on one line, and whether something of it was lost."""
    plain = " ".join(text.split())
    clean = _NOT_XML.sub("", plain)[:longest].strip()
    return escape(clean), clean != plain
