"""Journals as files: CSV, fixed width and XLSX, each the same bytes every time."""

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from xml.sax.saxutils import escape

from payments.gl.rules import (
    GlSettings,
    JournalLine,
    columns_of,
    csv_line,
    escape_cell,
    fixed_line,
    is_number,
    make_cells,
)
from shared.errors import Invalid

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MAXIMUM_SHEET_LINES = 1_048_575
_STAMP = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the bytes tell nothing of today
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType='
    '"application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
    "</Types>",
    "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship '
    f'Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Journal" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    "</Relationships>",
}


def write_csv(lines: Iterable[JournalLine], settings: GlSettings) -> Iterator[bytes]:
    """Yield the CSV file; its SHA-256 is the export's."""
    yield csv_line(column.heading for column in columns_of(settings)).encode()
    for line in lines:
        yield csv_line(make_cells(line, settings)).encode()


def write_fixed(lines: Iterable[JournalLine], settings: GlSettings) -> Iterator[bytes]:
    """Yield the file of fixed width, which has no heading."""
    columns = columns_of(settings)
    for line in lines:
        yield fixed_line(make_cells(line, settings), columns).encode()


def write_xlsx(lines: Iterable[JournalLine], settings: GlSettings, count: int) -> bytes:
    """Return the workbook.

    Raises:
        Invalid: more lines than a sheet has.
    """
    if count > MAXIMUM_SHEET_LINES:
        raise Invalid(title="The journal has more lines than a sheet; use the CSV file")
    columns = columns_of(settings)
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in _PARTS.items():
            archive.writestr(_entry(name), part)
        with archive.open(_entry("xl/worksheets/sheet1.xml"), "w", force_zip64=True) as sheet:
            sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            sheet.write(_row([column.heading for column in columns], [False] * len(columns)))
            numbers = [is_number(column) for column in columns]
            for line in lines:
                sheet.write(_row(make_cells(line, settings), numbers))
            sheet.write(b"</sheetData></worksheet>")
    return content.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _STAMP)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _row(cells: Sequence[str], numbers: Sequence[bool]) -> bytes:
    parts = []
    for cell, number in zip(cells, numbers, strict=True):
        if not cell:
            parts.append("<c/>")
        elif number:
            parts.append(f"<c><v>{cell}</v></c>")
        else:
            text = escape(escape_cell(cell))
            parts.append(f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>')
    return f"<row>{''.join(parts)}</row>".encode()
