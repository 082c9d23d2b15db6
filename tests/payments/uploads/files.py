"""Files of payments as people send them; everybody in them is invented."""

from collections.abc import Sequence
from datetime import date

from payments.bank.standard18 import Credit, Originator, write_file

HEADER = "destination_sort_code,destination_account_number,destination_name,amount,reference"
ROW = ("990001", "10000012", "Morag Fictional", "12.50", "GRANT-0001")


def rows(count: int) -> list[tuple[str, ...]]:
    """Return good rows, each with its own account, name and reference."""
    return [
        (
            "990001",
            f"{20000000 + number}",
            f"Person Number{number}",
            f"{1 + number % 300}.{number % 100:02d}",
            f"GRANT-{number:07d}",
        )
        for number in range(count)
    ]


def total(content: Sequence[Sequence[str]]) -> int:
    """Return the sum of the amounts in pence."""
    return sum(int(row[3].replace(".", "")) for row in content)


def csv_of(content: Sequence[Sequence[str]], header: str = HEADER) -> bytes:
    """Return rows as our CSV."""
    return "\r\n".join([header, *(",".join(row) for row in content), ""]).encode()


def standard18_of(content: Sequence[Sequence[str]]) -> bytes:
    """Return rows as a Standard 18 file."""
    credits_ = [Credit(r[0], r[1], r[2], int(r[3].replace(".", "")), r[4]) for r in content]
    originator = Originator("990001", "990000", "90000001", "STRATHCLACHAN CNCL")
    return write_file(
        originator, "000001", date(2026, 11, 26), date(2026, 11, 24), credits_
    ).content


def pain001_of(content: Sequence[Sequence[str]], version: str = "09", **changes: str) -> bytes:
    """Return rows as a pain.001 message; ``changes`` replace count, sum, currency or day."""
    day = changes.get("day", "2026-12-01")
    date_part = f"<Dt>{day}</Dt>" if version != "03" else day
    pence = total(content)
    transfers = "".join(
        f"""
        <CdtTrfTxInf><PmtId><EndToEndId>{changes.get("prefix", "E2E-")}{number}</EndToEndId></PmtId>
        <Amt><InstdAmt Ccy="{changes.get("currency", "GBP")}">{row[3]}</InstdAmt></Amt>
        <CdtrAgt><FinInstnId><ClrSysMmbId><MmbId>{row[0]}</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt>
        <Cdtr><Nm>{row[2]}</Nm></Cdtr>
        <CdtrAcct><Id><Othr><Id>{row[1]}</Id></Othr></Id></CdtrAcct>
        <RmtInf><Ustrd>{row[4]}</Ustrd></RmtInf></CdtTrfTxInf>"""
        for number, row in enumerate(content)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.{version}"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>M1</MsgId><NbOfTxs>{changes.get("count", len(content))}</NbOfTxs>
<CtrlSum>{changes.get("sum", f"{pence // 100}.{pence % 100:02d}")}</CtrlSum></GrpHdr>
<PmtInf><PmtInfId>P1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt>{date_part}</ReqdExctnDt>
<Dbtr><Nm>Strathclachan Council</Nm></Dbtr>{transfers}
</PmtInf></CstmrCdtTrfInitn></Document>""".encode()
