"""Writes camt.053 statements by hand, so that tests can say things that no bank should."""

from dataclasses import dataclass

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


@dataclass(frozen=True)
class Entry:
    """One entry in pence; with a reason it is a return."""

    pence: int
    reference: str = ""
    batch: str = ""
    other: str = ""
    reason: str = ""
    day: str = "2026-11-25"


def _money(pence: int) -> str:
    sign = "CRDT" if pence >= 0 else "DBIT"
    amount = f"{abs(pence) // 100}.{abs(pence) % 100:02d}"
    return f'<Amt Ccy="GBP">{amount}</Amt>\n<CdtDbtInd>{sign}</CdtDbtInd>'


def _entry(entry: Entry) -> str:
    details = ""
    if entry.batch:
        details = f"<Btch><MsgId>{entry.batch}</MsgId></Btch>"
    elif entry.reference or entry.other:
        account = f"<CdtrAcct><Id><Othr><Id>{entry.other}</Id></Othr></Id></CdtrAcct>"
        details = (
            f"<TxDtls><Refs/>{_money(entry.pence)}"
            f"<RltdPties><Cdtr><Pty><Nm>A PAYEE</Nm></Pty></Cdtr>{account}</RltdPties>"
            f"<RmtInf><Ustrd>{entry.reference}</Ustrd></RmtInf>"
            + (f"<RtrInf><Rsn><Cd>{entry.reason}</Cd></Rsn></RtrInf>" if entry.reason else "")
            + "</TxDtls>"
        )
    return (
        f"<Ntry>\n{_money(entry.pence)}\n<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{entry.day}</Dt></BookgDt><ValDt><Dt>{entry.day}</Dt></ValDt>"
        f"<BkTxCd><Prtry><Cd>93</Cd></Prtry></BkTxCd><NtryDtls>{details}</NtryDtls></Ntry>"
    )


def camt(
    sequence: int,
    opening: int,
    entries: tuple[Entry, ...],
    *,
    closing: int | None = None,
    account: str = "80226000112233",
    day: str = "2026-11-25",
) -> bytes:
    """Return a statement; ``closing`` follows from the entries unless it is to be wrong."""
    end = opening + sum(entry.pence for entry in entries) if closing is None else closing
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_money(pence)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
        for code, pence in (("OPBD", opening), ("CLBD", end))
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{_NAMESPACE}">'
        f"<BkToCstmrStmt>\n<Stmt><Id>S{sequence}</Id><ElctrncSeqNb>{sequence}</ElctrncSeqNb>"
        f"<FrToDt><FrDtTm>{day}T00:00:00Z</FrDtTm><ToDtTm>{day}T23:59:59Z</ToDtTm></FrToDt>"
        f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>GBP</Ccy></Acct>{balances}"
        + "".join(_entry(entry) for entry in entries)
        + "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def _card(*fields: tuple[int, str], width: int = 128) -> str:
    """Return a fixed-width record from its fields and their first positions, counted from 1."""
    record = [" "] * width
    for start, value in fields:
        record[start - 1 : start - 1 + len(value)] = value
    return "".join(record)


def daily_file(*, trailer_credits: int = 45_000) -> bytes:
    """Return a small file in the layout of NatWest Data Services, with people of our invention."""
    account = (1, "9900009000000100")

    def line(code: str, pence: int, text: str, reference: str) -> str:
        return _card(
            account,
            (15, f"0{code}"),
            (18, "99000110000012"),
            (32, "0000"),
            (36, f"{pence:011d}"),
            (47, text),
            (65, reference),
            (101, " 26329"),
        )

    records = [
        _card((1, "VOL1INV001"), (38, "****830000"), (80, "3")),
        _card((1, "HDR1 A990000Z0001"), (40, "F"), (48, " 26329"), (67, " 26329")),
        _card((1, "UHL1 26329990000"), (21, "000"), (38, "000"), (55, "INVENTED COUNCIL")),
        line("03", 120_000, "RENT OF A HALL", "INV-0001"),
        line("99", 45_000, "MORAG FICTIONAL", "REFUND 17"),
        _card(
            account,
            (15, "0Y1"),
            (37, f"{250_000:015d}C{0:015d}C{0:015d}C{0:015d}C"),
            (101, " 26329"),
        ),
        _card((1, f"UTL1{120_000:013d}{trailer_credits:013d}{1:07d}{1:07d}{1:07d}")),
    ]
    return "\r\n".join(records).encode() + b"\r\n"
