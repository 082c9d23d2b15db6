"""Settings that every service has; each service adds its own under its own prefix."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_MINIMUM_SECRET_LENGTH = 32


class ServiceSettings(BaseSettings):
    """What a service reads from its environment; refuses weak secrets in production."""

    # A wrong setting ends the process with a message that must not repeat the secrets beside it.
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    environment: Literal["development", "production", "test"] = Field(
        "production", description="`development` allows http and the simulators"
    )
    public_url: str = Field(description="Address that people and programs use, without last slash")
    host: str = Field("127.0.0.1", description="Address the process listens on")
    port: int = Field(description="Port the process listens on")
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Addresses or networks, with commas, whose `X-Forwarded-For` names the caller",
    )
    database_url: str = Field(description="PostgreSQL 15 or newer, SQLAlchemy form (psycopg)")
    database_pool_size: int = Field(5, description="Connections a process keeps")
    broker_url: str = Field(description="Redis or Valkey, for Celery and caches")
    worker_threads: int = Field(2, description="Tasks one worker runs at the same time")
    worker_port: int = Field(
        0, description="Port of the worker's health and metrics; 0 switches them off"
    )
    secret_key: str = Field(description="Signs form tokens and cookies; 32 characters or more")
    encryption_key_file: Path = Field(description="Key-encryption keys, newest last, base64 lines")
    private_key_file: Path | None = Field(
        None, description="PEM key with which the service signs its own client assertions"
    )
    platform_organisation: str = Field(
        "clachan", description="Body whose programs act for every body: the platform's own services"
    )
    oidc_issuer: str = Field("", description="OpenID issuer; default is the platform's own")
    assets_dir: Path | None = Field(
        None, description="Folder with the collected style sheets, scripts and fonts"
    )
    log_format: Literal["json", "console"] = Field("json", description="Shape of log lines")
    log_level: str = Field("INFO", description="Least level that is logged")
    otlp_endpoint: str | None = Field(
        None, description="OpenTelemetry collector (OTLP over HTTP); empty switches tracing off"
    )

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not self.oidc_issuer:
            self.oidc_issuer = f"{self.public_url}/identity/oidc"
        if self.environment == "production":
            if len(self.secret_key) < _MINIMUM_SECRET_LENGTH:
                raise ValueError("secret_key must have 32 characters or more in production")
            if not self.public_url.startswith("https://"):
                raise ValueError("public_url must be https in production")
        return self

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies can be bound to https; a laptop's plain http cannot keep such cookies."""
        return self.public_url.startswith("https://")
