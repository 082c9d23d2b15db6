"""Settings of the identity service; every variable starts with ``IDENTITY_``."""

from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from identity.accounts.settings import PeopleSettings
from shared.guarded_http import GuardedHttp
from shared.settings import ServiceSettings


class IdentitySettings(PeopleSettings, ServiceSettings):
    """What identity reads from its environment beside what every service reads."""

    model_config = SettingsConfigDict(env_prefix="IDENTITY_", extra="ignore")

    client_keys_dir: Path | None = Field(
        None, description="Folder of `<client id>.pub.pem` and `<client id>.secret` to register"
    )
    glenmore_url: str = Field(
        "http://localhost:8200", description="Address of the demonstration relying party"
    )
    sandbox_redirect_uri: str = Field(
        "http://localhost:3000/callback",
        description="Where the sandbox clients of outside programs are sent back to",
    )
    code_seconds: int = Field(60, ge=10, le=600, description="Life of an authorization code")
    backchannel_timeout_seconds: float = Field(
        5.0, description="How long a relying party may take to answer a back-channel logout"
    )
    outbound_allowed_hosts: list[str] = Field(
        default=[],
        description="Hosts that may be private or plain http when relying parties name them;"
        " for tests and the demonstration, refused in production",
    )
    outbound_ca_file: Path | None = Field(
        None, description="Further certificates to trust there; refused in production"
    )

    dns_resolver: str = Field(
        "",
        description="Name server for the TXT records of staff domains, `host:port`;"
        " empty for the machine's own",
    )

    @model_validator(mode="after")
    def _no_private_hosts_in_production(self) -> Self:
        if self.environment == "production" and (
            self.outbound_allowed_hosts or self.outbound_ca_file
        ):
            raise ValueError("outbound_allowed_hosts and outbound_ca_file are for development only")
        return self

    def make_outbound(self) -> GuardedHttp:
        """Return the one client for addresses that relying parties gave."""
        return GuardedHttp(
            self.backchannel_timeout_seconds,
            allowed_hosts=frozenset(self.outbound_allowed_hosts),
            ca_file=self.outbound_ca_file,
        )


@lru_cache
def get_settings() -> IdentitySettings:
    """Return the settings of this process, read once."""
    return IdentitySettings()
