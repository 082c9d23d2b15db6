"""Settings of the payments service, read from variables that begin with ``PAYMENTS_``."""

from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
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
    govstack_open_body: str = Field(
        "",
        description="Body for which the open GovStack listener acts, without any token; empty: no"
        " such listener. For sandboxes only",
    )
    govstack_clients: dict[str, str] = Field(
        default_factory=dict,
        description="Body for which each GovStack client acts, by client id, as a JSON object",
    )
    govstack_programme: str = Field(
        "", description="Programme that pays GovStack batches which name none in X-Program-Id"
    )
    govstack_callback_hosts: list[str] = Field(
        default_factory=list,
        description="Hosts that GovStack callbacks may reach by http or in a private network;"
        " for development only",
    )

    @model_validator(mode="after")
    def _no_private_callbacks(self) -> Self:
        if self.environment == "production" and self.govstack_callback_hosts:
            raise ValueError("govstack_callback_hosts is for development only")
        return self


@lru_cache
def get_settings() -> PaymentsSettings:
    """Return the settings of this process, read once; refuses missing and weak values."""
    return PaymentsSettings()
