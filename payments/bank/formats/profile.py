"""What a sponsor bank wants of files on one rail, beyond what the formats themselves say."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from payments.bank.standard18 import WriterProfile
from shared.errors import FieldError, Invalid

Rail = Literal["bacs", "faster_payments", "chaps"]
FileFormat = Literal["standard18", "pain.001.001.09"]
Channel = Literal["https", "sftp"]

# GBP 20 million a credit (Bacs), GBP 1 million (Faster Payments, secondary), none for CHAPS.
_MAXIMUM_PENCE: dict[str, int] = {
    "bacs": 2_000_000_000,
    "faster_payments": 100_000_000,
    "chaps": 99_999_999_999,
}
_SERVICE_LEVEL: dict[str, str] = {"bacs": "NURG", "faster_payments": "URNS", "chaps": "URGP"}
_BACS_TEXT = r"^[A-Z0-9.&/\- ]*$"


class FileProfile(BaseModel):
    """Bank-dependent positions and elements; unset ones take the safe default of the rail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    maximum_pence: int | None = Field(None, ge=1, le=99_999_999_999)
    # Standard 18 (payments contract 6.1).
    line_end: Literal["\r\n", "\n"] = "\r\n"
    accessibility: Literal[" ", "0"] = " "
    owner_name: str = Field("", max_length=6, pattern=_BACS_TEXT)
    file_number: Literal[" ", "1"] = " "
    system_code: str = Field("", max_length=13, pattern=_BACS_TEXT)
    block_count: Literal["000000", "      "] = "000000"
    audit_print_id: str = Field("", max_length=40, pattern=_BACS_TEXT)
    free_format: Literal["", "0000"] = ""
    # pain.001 (payments contract 7.1).
    service_level: str = Field("", max_length=4, pattern="^([A-Z0-9]{4})?$")
    charge_bearer: Literal["SHAR", "SLEV", "DEBT", "CRED"] = "SHAR"
    batch_booking: bool | None = None
    customer_id: str = Field("", max_length=35)
    debtor_bic: str = Field("", pattern="^([A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?)?$")

    def limit_pence(self, rail: str) -> int:
        """Return the largest amount of one payment on a rail."""
        return _MAXIMUM_PENCE[rail] if self.maximum_pence is None else self.maximum_pence

    def service_level_of(self, rail: str) -> str:
        """Return the service level code of a rail at this bank."""
        return self.service_level or _SERVICE_LEVEL[rail]

    def standard18(self) -> WriterProfile:
        """Return what the writer of Standard 18 needs of it."""
        wanted = WriterProfile.__dataclass_fields__
        return WriterProfile(**{name: getattr(self, name) for name in wanted})


def read_profile(values: object) -> FileProfile:
    """Return a profile from its stored or typed form; refuses unknown names and bad values.

    Raises:
        Invalid: names each setting at fault.
    """
    try:
        return FileProfile.model_validate(values)
    except ValidationError as error:
        faults = [
            FieldError(".".join(str(part) for part in one["loc"]), one["msg"])
            for one in error.errors()
        ]
        raise Invalid(*faults, title="The profile of the bank's files is not valid") from None
