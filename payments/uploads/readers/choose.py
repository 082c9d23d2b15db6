"""The reader of each format."""

from typing import BinaryIO

from payments.uploads.readers.base import Reader
from payments.uploads.readers.columns import FindMapping
from payments.uploads.readers.delimited import BUREAU, DelimitedReader
from payments.uploads.readers.excel import ExcelReader
from payments.uploads.readers.pain001 import Pain001Reader
from payments.uploads.readers.standard18 import Standard18Reader
from payments.uploads.rules import Format, Mapping


def make_reader(
    format_: Format, file: BinaryIO, mapping: Mapping | None, find_mapping: FindMapping
) -> Reader:
    """Return the reader of a file; ``find_mapping`` knows the headings that a body has mapped."""
    if format_ == "standard18":
        return Standard18Reader(file)
    if format_ == "pain001":
        return Pain001Reader(file)
    if format_ == "xlsx":
        return ExcelReader(file, mapping, find_mapping)
    return DelimitedReader(file, BUREAU if format_ == "bureau_csv" else mapping, find_mapping)
