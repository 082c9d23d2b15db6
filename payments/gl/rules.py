"""Templates of finance systems, and how a journal's line becomes their columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Literal

from payments.gl.vat import VatPlan, read_vat, vat_faults
from shared.errors import FieldError, Invalid

Template = Literal["oracle", "sap", "cipfa"]
TEMPLATE_NAMES: dict[str, str] = {
    "oracle": "Oracle-like journal",
    "sap": "SAP-like journal",
    "cipfa": "CIPFA-coded journal",
}
DETAIL_NAMES: dict[str, str] = {
    "postings": "A line for each posting",
    "totals": "A line for each month, account, code and event",
}
_FORMULA = ("=", "@", "+", "-", "\t", "\r")
_NUMERIC = frozenset({"debit", "credit", "amount"})


@dataclass(frozen=True)
class ColumnPlan:
    """A column: its heading, where its value comes from, its width in a fixed-width file.

    ``source`` is a fact of the line, or a segment: of the line's code, else a constant.
    """

    heading: str
    source: str
    width: int


TEMPLATES: dict[str, tuple[ColumnPlan, ...]] = {
    "oracle": (
        ColumnPlan("UPLOAD", "upload", 6),
        ColumnPlan("ENTITY", "entity", 10),
        ColumnPlan("COST_CENTRE", "cost_centre", 12),
        ColumnPlan("ACCOUNT", "account", 12),
        ColumnPlan("OBJECTIVE", "objective", 12),
        ColumnPlan("ANALYSIS", "analysis", 12),
        ColumnPlan("INTERCOMPANY", "intercompany", 12),
        ColumnPlan("SPARE", "spare", 8),
        ColumnPlan("DEBIT", "debit", 16),
        ColumnPlan("CREDIT", "credit", 16),
        ColumnPlan("DESCRIPTION", "description", 60),
        ColumnPlan("PERIOD", "period", 10),
        ColumnPlan("SOURCE", "journal_source", 16),
        ColumnPlan("CATEGORY", "category", 24),
        ColumnPlan("ENTRY", "entry", 16),
    ),
    "sap": (
        ColumnPlan("BLDAT", "day", 10),
        ColumnPlan("BUDAT", "day", 10),
        ColumnPlan("BLART", "document_type", 4),
        ColumnPlan("BUKRS", "entity", 10),
        ColumnPlan("WAERS", "currency", 5),
        ColumnPlan("MONAT", "period", 10),
        ColumnPlan("SHKZG", "side", 5),
        ColumnPlan("HKONT", "account", 12),
        ColumnPlan("WRBTR", "amount", 16),
        ColumnPlan("KOSTL", "cost_centre", 12),
        ColumnPlan("AUFNR", "objective", 12),
        ColumnPlan("ZUONR", "entry", 18),
        ColumnPlan("SGTXT", "description", 50),
    ),
    "cipfa": (
        ColumnPlan("FUND", "entity", 10),
        ColumnPlan("SERVICE", "objective", 12),
        ColumnPlan("COST_CENTRE", "cost_centre", 12),
        ColumnPlan("SUBJECTIVE", "account", 12),
        ColumnPlan("ANALYSIS", "analysis", 12),
        ColumnPlan("VAT_CODE", "vat_code", 8),
        ColumnPlan("VAT_RECOVERABLE", "vat_recoverable", 15),
        ColumnPlan("DEBIT", "debit", 16),
        ColumnPlan("CREDIT", "credit", 16),
        ColumnPlan("NARRATIVE", "description", 60),
        ColumnPlan("PERIOD", "period", 10),
        ColumnPlan("REFERENCE", "entry", 16),
    ),
}
_VAT_COLUMNS: dict[str, tuple[ColumnPlan, ...]] = {
    "oracle": (
        ColumnPlan("VAT_CODE", "vat_code", 8),
        ColumnPlan("VAT_RECOVERABLE", "vat_recoverable", 15),
    ),
    "sap": (
        ColumnPlan("MWSKZ", "vat_code", 8),
        ColumnPlan("VAT_RECOVERABLE", "vat_recoverable", 15),
    ),
}
# What a line says of itself; every other source of a column is a segment.
_FACTS = frozenset(
    {"debit", "credit", "amount", "side", "description", "period", "day", "currency", "category"}
    | {"entry"}
)


@dataclass(frozen=True)
class GlSettings:
    """How a body's journals look; an export keeps those that it was made with."""

    template: str = "oracle"
    detail: str = "postings"
    code_separator: str = "-"
    code_segments: tuple[str, ...] = ("account", "cost_centre", "objective")
    constants: Mapping[str, str] = field(default_factory=dict)
    account_codes: Mapping[str, str] = field(default_factory=dict)
    vat: VatPlan = field(default_factory=VatPlan)

    def as_json(self) -> dict[str, object]:
        """Return plain values to be stored."""
        return {**asdict(self), "code_segments": list(self.code_segments)}


def read_settings(stored: Mapping[str, object]) -> GlSettings:
    """Return settings as they were stored."""
    segments, constants = stored["code_segments"], stored["constants"]
    codes = stored["account_codes"]
    if not isinstance(segments, list) or not isinstance(constants, dict):
        raise TypeError("these are not settings of journals")
    if not isinstance(codes, dict):
        raise TypeError("these are not settings of journals")
    return GlSettings(
        str(stored["template"]),
        str(stored["detail"]),
        str(stored["code_separator"]),
        tuple(str(one) for one in segments),
        {str(name): str(value) for name, value in constants.items()},
        {str(name): str(value) for name, value in codes.items()},
        read_vat(stored.get("vat")),
    )


def columns_of(settings: GlSettings) -> tuple[ColumnPlan, ...]:
    """Return the columns of a body's journals: those of the template, and of VAT where it is set.

    What was exported before VAT was set keeps its columns.
    """
    columns = TEMPLATES[settings.template]
    if not settings.vat.is_set or any(one.source == "vat_code" for one in columns):
        return columns
    return (*columns, *_VAT_COLUMNS[settings.template])


def segments_of(template: str) -> list[str]:
    """Return the segments that a template's columns ask for."""
    return [plan.source for plan in TEMPLATES[template] if plan.source not in _FACTS]


def check_settings(settings: GlSettings) -> None:
    """Refuse settings that could not make a journal, with every fault at once.

    Raises:
        Invalid: names the fields.
    """
    faults = []
    if settings.template not in TEMPLATES:
        faults.append(FieldError("template", "Select a template"))
    if settings.detail not in DETAIL_NAMES:
        faults.append(FieldError("detail", "Select how much detail a journal has"))
    if not 1 <= len(settings.code_separator) <= 3:  # noqa: PLR2004 - as the message says
        faults.append(FieldError("code_separator", "Enter a separator of 1 to 3 characters"))
    faults += _segment_faults(settings) + vat_faults(settings.vat)
    if faults:
        raise Invalid(*faults)


def _segment_faults(settings: GlSettings) -> list[FieldError]:
    segments = settings.code_segments
    if not segments or len(set(segments)) < len(segments):
        return [FieldError("code_segments", "Enter each segment of a code once")]
    known = segments_of(settings.template) if settings.template in TEMPLATES else []
    if settings.vat.is_set:
        known = [name for name in known if not name.startswith("vat_")]
    unknown = [name for name in (*segments, *settings.constants) if known and name not in known]
    return [FieldError("code_segments", f"The template has no segment {name}") for name in unknown]


@dataclass(frozen=True)
class JournalLine:
    """One line of a journal; pence, debit positive; ``entry`` is our number, such as 2026/17.

    ``programme`` is that of the payment whose cost it is, else empty.
    """

    entry: str
    period: date
    day: date
    account: str
    code: str
    category: str
    description: str
    amount_pence: int
    programme: str = ""


def make_cells(line: JournalLine, settings: GlSettings) -> list[str]:
    """Return a line's cells in the order of the template's columns.

    Raises:
        Invalid: the line's account has no code.
    """
    code = line.code or settings.account_codes.get(line.account, "")
    if not code:
        raise Invalid(FieldError("account_codes", f"Give the account {line.account} a code"))
    parts = code.split(settings.code_separator)
    segments = {**settings.constants, **dict(zip(settings.code_segments, parts, strict=False))}
    pounds = f"{abs(line.amount_pence) // 100}.{abs(line.amount_pence) % 100:02d}"
    facts = {
        "debit": pounds if line.amount_pence > 0 else "",
        "credit": pounds if line.amount_pence < 0 else "",
        "amount": pounds,
        "side": "S" if line.amount_pence > 0 else "H",
        "description": line.description,
        "period": line.period.strftime("%Y-%m"),
        "day": line.day.isoformat(),
        "currency": "GBP",
        "category": line.category,
        "entry": line.entry,
        **settings.vat.facts_of(line.programme, line.account),
    }
    columns = columns_of(settings)
    return [facts.get(one.source, segments.get(one.source, "")) for one in columns]


def is_number(column: ColumnPlan) -> bool:
    """Tell whether a column holds an amount."""
    return column.source in _NUMERIC


def escape_cell(value: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value


def csv_line(cells: Iterable[str]) -> str:
    """Return a line of RFC 4180, with formulas made harmless."""
    return ",".join(_quote(escape_cell(cell)) for cell in cells) + "\r\n"


def fixed_line(cells: Sequence[str], columns: Sequence[ColumnPlan]) -> str:
    """Return a line of fixed width: amounts to the right, a long description cut.

    Raises:
        Invalid: another cell is longer than its column.
    """
    parts = []
    for cell, column in zip(cells, columns, strict=True):
        plain = " ".join(cell.split())
        if column.source == "description":
            plain = plain[: column.width]
        elif len(plain) > column.width:
            name, width = column.heading, column.width
            raise Invalid(FieldError(name, f"{plain} is longer than the {width} places of {name}"))
        parts.append(plain.rjust(column.width) if is_number(column) else plain.ljust(column.width))
    return "".join(parts) + "\r\n"


def _quote(cell: str) -> str:
    if any(sign in cell for sign in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
