"""Settings of the identity service; every variable starts with ``IDENTITY_``."""

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

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
    key_rotation_days: int = Field(
        90, ge=0, le=730, description="How long a signing key signs, in days; 0: until told to stop"
    )
    pushed_request_seconds: int = Field(
        90, ge=5, le=600, description="How long a pushed authorization request can be begun with"
    )
    client_requests_per_minute: int = Field(
        600, ge=1, description="Requests to `/token` and `/par` that one client may make"
    )
    sign_ins_per_minute: int = Field(
        600,
        ge=1,
        description="Requests to `/authorize` that one network address may begin in a minute while"
        " nobody is signed in there; each leaves a row for an hour",
    )
    # Only names that the public edge removes: any other could be sent by anybody.
    client_certificate_header: Literal["", "x-forwarded-client-cert", "client-cert"] = Field(
        "",
        description="Header in which the trusted proxy hands on the certificate that a client"
        " showed; empty: no mutual TLS",
    )
    mtls_url: str = Field(
        "", description="Address at which clients are asked for certificates, without last slash"
    )
    device_code_seconds: int = Field(
        1800, ge=60, le=3600, description="How long a device waits for its person (RFC 8628)"
    )
    ciba_seconds: int = Field(
        300, ge=30, le=3600, description="How long a decoupled sign-in waits for its person (CIBA)"
    )
    ciba_longest_seconds: int = Field(
        1800, ge=30, le=3600, description="The longest wait that a client may ask for there"
    )
    ciba_requests_an_hour: int = Field(
        60, ge=1, description="Decoupled sign-ins that one client may ask one person for in an hour"
    )
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
