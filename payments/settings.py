"""Settings of the payments service, read from variables that begin with ``PAYMENTS_``."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class PaymentsSettings(ServiceSettings):
    """What the payments service needs to know beyond what every service does."""

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_", extra="ignore")

    bank_url: str = Field(description="Address of the sponsor bank's (or the simulator's) gateway")
    bank_poll_minutes: int = Field(
        15, ge=1, description="How often the bank is asked for new reports and statements"
    )
    payee_names_url: str = Field(description="Address of the Confirmation of Payee provider")
    payee_names_path: str = Field(
        "/open-banking/confirmation-payee/v2.0/name-verification",
        description="Path of the name verification at that provider",
    )
    payee_names_timeout_seconds: float = Field(
        3.0, description="How long one attempt to check a name may take; there are two"
    )
    payee_names_financial_id: str = Field(
        "clachan", description="Our id in the x-fapi-financial-id header"
    )
    payee_names_token: str = Field(
        "simulator", description="Bearer token for that provider; the simulator takes any"
    )
    modulus_weights_file: Path | None = Field(
        None, description="VALACDOS.txt of Vocalink; without it account numbers are not checked"
    )
    modulus_substitutions_file: Path | None = Field(
        None, description="SCSUBTAB.txt of Vocalink, for exception 5"
    )
    write_off_limit_pence: int = Field(
        1_000,
        ge=0,
        description="The most, in pence, that a difference on a statement may be written off with;"
        " a second person approves each",
    )


@lru_cache
def get_settings() -> PaymentsSettings:
    """Return the settings of this process, read once; refuses missing and weak values."""
    return PaymentsSettings()
