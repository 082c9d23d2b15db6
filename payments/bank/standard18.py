"""Writes Bacs Standard 18 input files (payments contract 6.1): credits of one day or of several.

A file is written in three pieces, so that a large one never has to be in memory as a whole:
:func:`header`, any number of :func:`credit_line`, and :func:`trailer` with the contras.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

_NOT_BACS = re.compile(r"[^A-Z0-9.&/\- ]")
_TEXT_WIDTH = 18
MAXIMUM_AMOUNT_PENCE = 2_000_000_000
MAXIMUM_TOTAL_PENCE = 10**11 - 1


@dataclass(frozen=True)
class WriterProfile:
    """What sponsor banks want differently (contract 22: the safe defaults).

    ``accessibility`` is VOL1 11, ``owner_name`` VOL1 32-37, ``file_number`` HDR1 15,
    ``system_code`` HDR1 61-73, ``block_count`` EOF1 55-60, ``audit_print_id`` UHL1 41-80 and
    ``free_format`` 32-35 of each credit.
    """

    line_end: str = "\r\n"
    accessibility: str = " "
    owner_name: str = ""
    file_number: str = " "
    system_code: str = ""
    block_count: str = "000000"
    audit_print_id: str = ""
    free_format: str = ""


DEFAULT_PROFILE = WriterProfile()


@dataclass(frozen=True)
class Originator:
    """The account that pays, and the service user that sends."""

    service_user_number: str
    sort_code: str
    account_number: str
    name: str


@dataclass(frozen=True)
class Credit:
    """One payment as the file carries it; only a file of several days names the day of each."""

    sort_code: str
    account_number: str
    name: str
    amount_pence: int
    reference: str
    processing_day: date | None = None


@dataclass(frozen=True)
class Contra:
    """The debit that balances the credits of one processing day."""

    total_pence: int
    processing_day: date | None = None


@dataclass(frozen=True)
class WrittenFile:
    """The bytes, their control totals, and what had to be changed to fit the alphabet."""

    content: bytes
    payment_count: int
    total_pence: int
    warnings: tuple[str, ...]


class Standard18Error(ValueError):
    """A value that no Standard 18 file can carry."""


def to_bacs(text: str, width: int = _TEXT_WIDTH) -> tuple[str, str]:
    """Return a text in the Bacs alphabet, at most ``width`` long, and what was changed about it.

    Lower case is raised silently; other characters become blanks and are reported, as is a cut.
    """
    raised = text.strip().upper()
    if len(raised) <= width and not _NOT_BACS.search(raised):
        return raised, ""
    clean = _NOT_BACS.sub(" ", raised)
    notes = []
    if clean != raised:
        notes.append("characters replaced by blanks")
    if len(clean) > width:
        notes.append(f"cut to {width} characters")
    return clean[:width], ", ".join(notes)


def julian(day: date) -> str:
    """Return a day as Bacs writes it: blank, two digits of the year, day of the year."""
    return day.strftime(" %y%j")


def check_originator(originator: Originator, serial: str) -> None:
    """Refuse an originator or a volume serial that no file can carry (``Standard18Error``)."""
    if not re.fullmatch(r"[0-9]{6}", serial) or serial == "000000":
        raise Standard18Error("a volume serial has six digits, not all zero")
    _check_digits("originating account", originator.sort_code, originator.account_number)
    if not re.fullmatch(r"[0-9]{6}", originator.service_user_number):
        raise Standard18Error("a service user number has six digits")


def header(
    originator: Originator,
    serial: str,
    processing_day: date,
    created_on: date,
    profile: WriterProfile = DEFAULT_PROFILE,
    *,
    several_days: bool = False,
) -> bytes:
    """Return VOL1, HDR1, HDR2 and UHL1; a file of several days names the first of them."""
    user = originator.service_user_number
    hdr1, hdr2 = _file_labels(user, serial, created_on, profile, several_days=several_days)
    volume = (
        f"VOL1{serial}{profile.accessibility:1.1}{'':20}{profile.owner_name:6.6}"
        f"    {user}    {'':28}1"
    )
    work = "4 MULTI" if several_days else "1 DAILY"
    user_label = (
        f"UHL1{julian(processing_day)}999999    00000000{work:9}001{profile.audit_print_id:40.40}"
    )
    return _lines([volume, f"HDR1{hdr1}", f"HDR2{hdr2}", user_label], profile)


def credit_line(
    originator: Originator, credit: Credit, profile: WriterProfile = DEFAULT_PROFILE
) -> tuple[str, str]:
    """Return the record of one credit without its line end, and what was changed to fit.

    Raises:
        Standard18Error: a value that no file can carry.
    """
    _check_digits("payee", credit.sort_code, credit.account_number)
    if not 0 < credit.amount_pence <= MAXIMUM_AMOUNT_PENCE:
        raise Standard18Error(f"amount outside 1 to {MAXIMUM_AMOUNT_PENCE}")
    name, name_note = to_bacs(credit.name)
    reference, reference_note = to_bacs(credit.reference)
    if not name.strip():
        raise Standard18Error("no name")
    notes = [
        f"{what}: {note}"
        for what, note in (("name", name_note), ("reference", reference_note))
        if note
    ]
    own_name = _own_name(originator.name)
    line = (
        f"{credit.sort_code}{credit.account_number}099"
        f"{originator.sort_code}{originator.account_number}{profile.free_format:4.4}"
        f"{credit.amount_pence:011d}{own_name:18}{reference:18}{name:18}"
        f"{_day(credit.processing_day)}"
    )
    return line, "; ".join(notes)


def trailer(
    originator: Originator,
    serial: str,
    created_on: date,
    contras: Sequence[Contra],
    payment_count: int,
    profile: WriterProfile = DEFAULT_PROFILE,
    *,
    with_contras: bool = True,
) -> bytes:
    """Return the contras (unless they were written beside their credits), EOF1, EOF2 and UTL1."""
    several = any(contra.processing_day is not None for contra in contras)
    user = originator.service_user_number
    first, second = _file_labels(user, serial, created_on, profile, several_days=several)
    total = sum(contra.total_pence for contra in contras)
    lines = [contra_line(originator, contra) for contra in contras if with_contras]
    lines += [f"EOF1{first[:50]}{profile.block_count:6.6}{first[56:]}", f"EOF2{second}"]
    lines.append(f"{f'UTL1{total:013d}{total:013d}{len(contras):07d}{payment_count:07d}':80}")
    return _lines(lines, profile)


@lru_cache(maxsize=64)
def _own_name(name: str) -> str:
    """Return the payer's name as every record of a file carries it."""
    return to_bacs(name)[0]


def contra_line(originator: Originator, contra: Contra) -> str:
    """Return the contra record of one processing day, without its line end."""
    if contra.total_pence > MAXIMUM_TOTAL_PENCE:
        raise Standard18Error("the total does not fit eleven digits")
    own = f"{originator.sort_code}{originator.account_number}"
    name, _ = to_bacs(originator.name)
    return (
        f"{own}017{own}    {contra.total_pence:011d}{'':18}{'CONTRA':18}{name:18}"
        f"{_day(contra.processing_day)}"
    )


def write_file(
    originator: Originator,
    serial: str,
    processing_day: date,
    created_on: date,
    credits_: Sequence[Credit],
    profile: WriterProfile = DEFAULT_PROFILE,
) -> WrittenFile:
    """Return a whole file; each day's credits are followed by their contra.

    When the credits name their days the file is one of several days and ``processing_day`` is the
    first of them.

    Raises:
        Standard18Error: a value that no file can carry, no payment, days for some credits only.
    """
    check_originator(originator, serial)
    if not credits_:
        raise Standard18Error("a submission needs a payment")
    days = sorted({credit.processing_day for credit in credits_}, key=str)
    several = days != [None]
    if several and None in days:
        raise Standard18Error("either every payment names its day or none does")
    lines: list[str] = []
    warnings: list[str] = []
    contras = []
    for day in days:
        total = 0
        for number, credit in enumerate(credits_, 1):
            if credit.processing_day != day:
                continue
            try:
                line, note = credit_line(originator, credit, profile)
            except Standard18Error as error:
                raise Standard18Error(f"payment {number}: {error}") from None
            lines.append(line)
            warnings += [f"payment {number}: {one}" for one in note.split("; ") if one]
            total += credit.amount_pence
        contras.append(Contra(total, day))
        lines.append(contra_line(originator, contras[-1]))
    content = header(
        originator, serial, processing_day, created_on, profile, several_days=several
    ) + _lines(lines, profile)
    content += trailer(
        originator, serial, created_on, contras, len(credits_), profile, with_contras=False
    )
    total = sum(contra.total_pence for contra in contras)
    return WrittenFile(content, len(credits_), total, tuple(warnings))


def _file_labels(
    user: str, serial: str, created_on: date, profile: WriterProfile, *, several_days: bool
) -> tuple[str, str]:
    """Return the content of HDR1 and HDR2, which EOF1 and EOF2 repeat."""
    created = julian(created_on)
    first = (
        f"A{user}S  {profile.file_number:1.1}{user}{serial}00010001{'':6}{created}{created} 000000"
        f"{profile.system_code:13.13}"
    )
    length = "00106" if several_days else "00100"
    return f"{first:76}", f"{f'F02000{length}' + ' ' * 35 + '00':76}"


def _lines(lines: Sequence[str], profile: WriterProfile) -> bytes:
    return "".join(f"{line}{profile.line_end}" for line in lines).encode("ascii")


def _day(day: date | None) -> str:
    return "" if day is None else julian(day)


def _check_digits(what: str, sort_code: str, account_number: str) -> None:
    if not re.fullmatch(r"[0-9]{6}", sort_code) or not re.fullmatch(r"[0-9]{8}", account_number):
        raise Standard18Error(f"{what}: six digits of sort code and eight of account are needed")
