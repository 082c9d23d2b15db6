"""The form of a journal: what was typed, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from payments.gl.journals.csv_lines import MAXIMUM_BYTES, parse_csv
from payments.gl.journals.rules import JournalDraft, TypedLine, check_draft, read_day, read_lines
from shared.errors import FieldError, Invalid
from shared.ids import new_id
from shared.web.deps import Form

FIRST_LINES, MORE_LINES, MAXIMUM_FORM_LINES = 4, 4, 60


@dataclass(frozen=True)
class TypedJournal:
    """A journal as it was typed, to be read or shown again."""

    key: str
    day: str
    month: str
    year: str
    description: str
    reason: str
    lines: tuple[TypedLine, ...]
    csv: str = ""
    file_fault: str = ""

    def with_more_lines(self) -> "TypedJournal":
        """Return the same with some empty lines more."""
        wanted = min(len(self.lines) + MORE_LINES, MAXIMUM_FORM_LINES)
        return replace(self, lines=self.lines + _empty(len(self.lines) + 1, wanted))


# The fields above the lines, as the page has them.
_PLACES = {"description": 0, "effective_on": 1, "reason": 2}
_LINE_FIELDS = ("account", "debit", "credit", "note")


def begin_form(today: date) -> TypedJournal:
    """Return the form that nobody has typed in yet, with a key of its own."""
    parts = (str(today.day), str(today.month), str(today.year))
    return TypedJournal(str(new_id()), *parts, "", "", _empty(1, FIRST_LINES))


def read_form(form: Form) -> TypedJournal:
    """Return what was typed; a file of lines stands where pasted lines would."""
    count = form.text("lines")
    lines = min(int(count), MAXIMUM_FORM_LINES) if count.isdecimal() else FIRST_LINES
    file_text, file_fault = _read_file(form)
    return TypedJournal(
        form.text("form_key"),
        form.text("effective_on-day"),
        form.text("effective_on-month"),
        form.text("effective_on-year"),
        " ".join(form.text("description").split()),
        form.text("reason"),
        tuple(
            TypedLine(place, *(form.text(f"{name}-{place}") for name in _LINE_FIELDS))
            for place in range(1, max(lines, FIRST_LINES) + 1)
        ),
        form.text("csv") or file_text,
        file_fault,
    )


def read_key(typed: str) -> UUID:
    """Return the key of a form.

    Raises:
        Invalid: it is none.
    """
    try:
        return UUID(typed)
    except ValueError as error:
        raise Invalid(FieldError("", "Open this form again")) from error


def read_draft(typed: TypedJournal, accounts: Mapping[str, str], today: date) -> JournalDraft:
    """Return the journal that was typed.

    Raises:
        Invalid: with every fault at once.
    """
    faults: list[FieldError] = []
    on = today
    try:
        on = read_day(typed.day, typed.month, typed.year)
    except Invalid as invalid:
        faults += invalid.fields
    typed_lines, from_csv = typed.lines, bool(typed.csv)
    if typed.file_fault:
        faults.append(FieldError("file", typed.file_fault))
        typed_lines = ()
    elif from_csv and any(not line.is_empty for line in typed.lines):
        faults.append(FieldError("csv", "Enter the lines in the table or as CSV, not both"))
    elif from_csv:
        try:
            typed_lines = tuple(parse_csv(typed.csv.encode()))
        except Invalid as invalid:
            faults += invalid.fields
            typed_lines = ()
    lines, wrong = read_lines(typed_lines, accounts, from_csv=from_csv)
    # A table that could not be read has no lines; that is said already.
    faults += wrong if typed_lines else []
    if not typed_lines and not faults:
        faults.append(FieldError("csv", "Enter two lines or more"))
    draft = JournalDraft(on, typed.description, typed.reason, tuple(lines))
    faults += check_draft(draft, today)
    if faults:
        raise Invalid(*sorted(faults, key=lambda fault: _PLACES.get(fault.field, len(_PLACES))))
    return draft


def _empty(first: int, last: int) -> tuple[TypedLine, ...]:
    return tuple(TypedLine(place, "", "", "", "") for place in range(first, last + 1))


def _read_file(form: Form) -> tuple[str, str]:
    """Return the text of the file that came along, or what is wrong with it."""
    upload = form.files.get("file")
    if upload is None or not upload.filename:
        return "", ""
    content = upload.file.read(MAXIMUM_BYTES + 1)
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return "", "The file is not UTF-8 text; save it as CSV UTF-8"
