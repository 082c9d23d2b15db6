"""pain.001.001.03, .08 and .09 of any size (payments contract 7.1), read by local names."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lxml import etree

from payments.bank.safe_xml import each, line_of, local, text_at
from payments.uploads.readers.base import note
from payments.uploads.rules import (
    AMOUNT,
    END_TO_END_ID,
    EXECUTION_DATE,
    MAXIMUM_FIELD,
    NOTE,
    PROBLEM,
    Claims,
    ReadError,
    Record,
    blank_fields,
    to_pence,
    to_pounds,
)

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001."
_VERSIONS = ("03", "08", "09")
_REFERENCE = 18
_NOT_PROVIDED = "NOTPROVIDED"
_SORT_CODE, _ACCOUNT = slice(8, 14), slice(14, 22)
_IBAN = 22
_CLOSED = frozenset({"GrpHdr", "CdtTrfTxInf", "PmtInf"})


@dataclass
class _Block:
    """What is known of the payment information that is being read."""

    line: int = 0
    day: str = ""
    claimed_count: str = ""
    claimed_sum: str = ""
    count: int = 0
    pence: int = 0
    is_started: bool = False


class Pain001Reader:
    """Reads credit transfers in pounds; refuses document types, entities and wrong totals."""

    def __init__(self, file: BinaryIO) -> None:
        self.claims = Claims()
        self.warnings: dict[str, int] = {}
        self._file = file
        self._block = _Block()

    def __iter__(self) -> Iterator[Record]:
        self._file.seek(0)
        events = etree.iterparse(
            self._file,
            events=("start", "end"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        depth = 0
        try:
            for event, element in events:
                if event == "start":
                    depth += 1
                    if depth == 1:
                        _check_root(element)
                    elif local(element) == "PmtInf":
                        self._block = _Block(line=line_of(element))
                    continue
                depth -= 1
                yield from self._close(element)
        except etree.XMLSyntaxError as error:
            column = f"column {error.position[1]}"
            raise ReadError(error.lineno or 1, column, error.msg or "not XML") from None
        except ValueError as error:
            if isinstance(error, ReadError):
                raise
            raise ReadError(1, "", str(error)) from None

    def _close(self, element: etree._Element) -> Iterator[Record]:
        name = local(element)
        if name not in _CLOSED:
            return
        if name == "GrpHdr":
            self._read_group(element)
        elif name == "CdtTrfTxInf":
            if not self._block.is_started:
                self._start_block(element.getparent())
            fields = self._read_transfer(element)
            self._block.count += 1
            self._block.pence += to_pence(fields[AMOUNT]) or 0
            yield line_of(element), fields
            _forget(element)
        else:
            self._check_block()
            _forget(element)

    def _read_group(self, header: etree._Element) -> None:
        count, total = text_at(header, "NbOfTxs"), text_at(header, "CtrlSum")
        if not (count.isascii() and count.isdigit()) or len(count) > len("000000000000000"):
            raise ReadError(line_of(header), "GrpHdr/NbOfTxs", "not a number of payments")
        pence = to_pence(_plain_sum(total)) if total else None
        if total and pence is None:
            raise ReadError(line_of(header), "GrpHdr/CtrlSum", "not a sum of pounds and pence")
        self.claims = Claims(int(count), pence)

    def _start_block(self, parent: etree._Element | None) -> None:
        """Read what stands in front of the first transfer of a block."""
        block = self._block
        block.is_started = True
        if parent is None:
            return
        method = text_at(parent, "PmtMtd")
        if method and method != "TRF":
            raise ReadError(block.line, "PmtInf/PmtMtd", f"{method[:10]}: only TRF is paid out")
        block.day = text_at(parent, "ReqdExctnDt/Dt", "ReqdExctnDt/DtTm", "ReqdExctnDt")[:10]
        block.claimed_count = text_at(parent, "NbOfTxs")
        block.claimed_sum = text_at(parent, "CtrlSum")

    def _check_block(self) -> None:
        block = self._block
        if block.claimed_count and block.claimed_count != str(block.count):
            raise ReadError(
                block.line,
                "PmtInf/NbOfTxs",
                f"says {block.claimed_count[:20]}, the block has {block.count}",
                "block_count",
            )
        if block.claimed_sum and to_pence(_plain_sum(block.claimed_sum)) != block.pence:
            raise ReadError(
                block.line,
                "PmtInf/CtrlSum",
                f"says {block.claimed_sum[:20]}, the block has {to_pounds(block.pence)}",
                "block_total",
            )

    def _read_transfer(self, transfer: etree._Element) -> list[str]:
        fields = blank_fields()
        problems = []
        fields[0], fields[1], problem = _account(transfer)
        problems += [problem] if problem else []
        fields[2] = text_at(transfer, "Cdtr/Nm")[:MAXIMUM_FIELD]
        for amount in each(transfer, "Amt/InstdAmt"):
            fields[AMOUNT] = (amount.text or "").strip()[:MAXIMUM_FIELD]
            if amount.get("Ccy") != "GBP":
                problems.append(f"currency {str(amount.get('Ccy'))[:10]}: only GBP is paid")
        text = text_at(transfer, "RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref")
        end_to_end = text_at(transfer, "PmtId/EndToEndId")[:MAXIMUM_FIELD]
        reference = text or ("" if end_to_end == _NOT_PROVIDED else end_to_end)
        if len(reference) > _REFERENCE:
            note(self.warnings, "reference_cut")
            fields[NOTE] = "reference cut to 18 characters"
        fields[4] = reference[:_REFERENCE].strip()
        fields[EXECUTION_DATE] = self._block.day
        fields[END_TO_END_ID] = "" if end_to_end == _NOT_PROVIDED else end_to_end
        fields[PROBLEM] = "; ".join(problems)
        return fields


def _check_root(root: etree._Element) -> None:
    tree = root.getroottree()
    if tree.docinfo.internalDTD is not None:
        raise ReadError(1, "", "a document type is not taken")
    namespace = etree.QName(root).namespace or ""
    version = namespace.removeprefix(_NAMESPACE)
    if local(root) != "Document" or not namespace.startswith(_NAMESPACE):
        raise ReadError(line_of(root), local(root), "not a pain.001 message")
    if version not in _VERSIONS:
        raise ReadError(
            line_of(root), "xmlns", f"version {version[:5]} is not read, only .03, .08 and .09"
        )


def _account(transfer: etree._Element) -> tuple[str, str, str]:
    """Return sort code and account of the creditor, from an IBAN where that is given."""
    iban = text_at(transfer, "CdtrAcct/Id/IBAN").replace(" ", "").upper()
    if iban:
        if not is_british_iban(iban):
            return "", "", "the IBAN is not a valid one of the United Kingdom"
        return iban[_SORT_CODE], iban[_ACCOUNT], ""
    return (
        text_at(transfer, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId")[:MAXIMUM_FIELD],
        text_at(transfer, "CdtrAcct/Id/Othr/Id")[:MAXIMUM_FIELD],
        "",
    )


def is_british_iban(iban: str) -> bool:
    """Tell whether an IBAN is British and its check digits are right (contract 4.1)."""
    if len(iban) != _IBAN or not iban.isascii() or not iban.isalnum() or iban[:2] != "GB":
        return False
    if not (iban[2:4] + iban[8:]).isdigit() or not iban[4:8].isalpha():
        return False
    digits = "".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])
    return int(digits) % 97 == 1


def _plain_sum(text: str) -> str:
    """Return a control sum without the zeros behind the pence that the schema allows."""
    whole, dot, rest = text.partition(".")
    return f"{whole}.{(rest.rstrip('0') or '0')}" if dot else whole


def _forget(element: etree._Element) -> None:
    """Free an element that was read, and what stands before it."""
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]
