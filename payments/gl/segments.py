"""Whether the segments of codes fit the columns of a template; pure."""

from collections.abc import Iterable, Sequence

from payments.gl.rules import GlSettings, columns_of
from shared.errors import FieldError


def code_faults(code: str, settings: GlSettings) -> list[str]:
    """Return why a code cannot fill the columns: too many parts, an empty one, or a long one."""
    parts = code.split(settings.code_separator)
    if len(parts) > len(settings.code_segments):
        return [f"has {len(parts)} parts for {len(settings.code_segments)} segments"]
    return [
        fault
        for name, part in zip(settings.code_segments, parts, strict=False)
        for fault in _part_faults(name, part, settings)
    ]


def constant_faults(settings: GlSettings) -> list[FieldError]:
    """Return the faults of the segments that are always the same."""
    return [
        FieldError("constants", f"{name} {fault}")
        for name, value in settings.constants.items()
        for fault in _part_faults(name, value, settings)
    ]


def account_faults(settings: GlSettings) -> list[FieldError]:
    """Return the faults of the codes of accounts."""
    return [
        FieldError("account_codes", f"The code of {account} {fault}")
        for account, code in settings.account_codes.items()
        for fault in code_faults(code, settings)
    ]


def payment_faults(codes: Iterable[str], settings: GlSettings, most: int) -> Sequence[FieldError]:
    """Return the faults of codes that payments carry, up to so many."""
    faults = [
        FieldError("", f"The code {code[:60]} of payments {fault}")
        for code in codes
        for fault in code_faults(code, settings)
    ]
    return faults[:most]


def _part_faults(name: str, part: str, settings: GlSettings) -> list[str]:
    if not part:
        return [f"has nothing for {name}"]
    if not part.isprintable():
        return [f"has a sign in {name} that cannot be printed"]
    width = min((one.width for one in columns_of(settings) if one.source == name), default=0)
    return [f"has more than {width} characters for {name}"] if 0 < width < len(part) else []
