"""Shows answers: as lines for a person to read, and as the fields of a form to change them."""

from collections.abc import Callable, Mapping
from datetime import date

from babel.dates import format_date

from gateway.journeys.definition.model import Attribute
from gateway.journeys.definition.phrases import Speaker
from gateway.journeys.forms.parse import BANK_FIELDS
from shared.money import format_pounds

Say = Callable[[str], str]
_ADDRESS_LINES = (
    ("organisationName",),
    ("departmentName",),
    ("subBuildingName", "buildingName"),
    ("buildingNumber", "dependentStreetName"),
    ("streetName",),
    ("doubleDependentAddressLocality", "dependentAddressLocality"),
    ("addressLocality",),
    ("postalCode",),
)


def show(attribute: Attribute, value: object, speaker: Speaker, _: Say) -> list[str]:
    """Return an answer as lines of text in the reader's language."""
    if isinstance(value, Mapping):
        return address_lines(value) if attribute.type == "address" else _bank_lines(value, _)
    if attribute.options:
        chosen = value if isinstance(value, list) else [value]
        return [speaker.say(o.label) for o in attribute.options if o.value in chosen]
    if attribute.type == "yes_no":
        return [_("Yes") if value else _("No")]
    if attribute.type == "date":
        return [show_date(date.fromisoformat(str(value)), speaker.language)]
    if attribute.type == "money" and isinstance(value, int):
        return [format_pounds(value)]
    return [str(value)]


def show_date(day: date, language: str) -> str:
    """Return a day in words, such as 27 March 1954."""
    return format_date(day, "d MMMM y", locale=language)


def address_lines(address: Mapping[str, object]) -> list[str]:
    """Return a verified address as the lines of an envelope."""
    parts = {name: str(part) for name, part in address.items() if part}
    if "buildingNumber" in parts and "dependentStreetName" not in parts:
        street = parts.pop("streetName", "")
        parts["buildingNumber"] = f"{parts['buildingNumber']} {street}".strip()
    lines = (" ".join(parts[name] for name in line if name in parts) for line in _ADDRESS_LINES)
    return [line for line in lines if line]


def _bank_lines(details: Mapping[str, object], _: Say) -> list[str]:
    sort_code, account = str(details["sort_code"]), str(details["account_number"])
    lines = [
        str(details["name"]),
        _("Sort code {number}").format(
            number="-".join((sort_code[:2], sort_code[2:4], sort_code[4:]))
        ),
        _("Account number ending {figures}").format(figures=account[-4:]),
    ]
    if details.get("roll_number"):
        lines.append(_("Roll number {number}").format(number=details["roll_number"]))
    return lines


def form_values(name: str, attribute: Attribute, value: object) -> dict[str, object]:
    """Return the fields of a form that shows an answer again."""
    if value is None:
        return {}
    if attribute.type == "yes_no":
        return {name: "yes" if value else "no"}
    if attribute.type == "date":
        year, month, day = str(value).split("-")
        parts = {"day": str(int(day)), "month": str(int(month)), "year": year}
        return {f"{name}-{part}": text for part, text in parts.items()}
    if attribute.type == "money" and isinstance(value, int):
        return {name: format_pounds(value).lstrip("£")}
    if attribute.type == "bank_details" and isinstance(value, Mapping):
        # Account numbers are not shown again: a person who changes them types them again.
        kept = {field: value.get(field) for field in ("name", "account_type", "roll_number")}
        return {f"{name}-{BANK_FIELDS[field]}": text for field, text in kept.items() if text}
    return {name: value}
