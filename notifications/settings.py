"""Settings of the notifications service, read from variables that begin with NOTIFICATIONS_."""

from email.utils import parseaddr
from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    """What notifications reads from its environment beside what every service reads."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATIONS_", extra="ignore")

    smtp_host: str = Field("127.0.0.1", description="Mail server that takes our email")
    smtp_port: int = Field(8104, description="Port of that mail server")
    smtp_security: Literal["offered", "starttls", "tls"] = Field(
        "offered",
        description="`offered` encrypts where the server can, `starttls` and `tls` insist on it",
    )
    smtp_username: str = Field("", description="Name to sign in to the mail server with, if any")
    smtp_password: str = Field("", description="Password to sign in to the mail server with")
    smtp_from: str = Field(
        "Clachan <no-reply@clachan.example>", description="Sender that people see in their email"
    )
    smtp_timeout_seconds: float = Field(
        10.0, gt=0, le=20, description="How long one try to hand an email over may take"
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if "@" not in parseaddr(self.smtp_from)[1]:
            raise ValueError("smtp_from must hold an email address")
        if self.environment == "production" and self.smtp_security == "offered":
            raise ValueError("smtp_security must be starttls or tls in production")
        return self


@lru_cache
def get_settings() -> NotificationsSettings:
    """Return the settings of this process, read once; refuses missing and weak values."""
    return NotificationsSettings()


def own_settings(settings: ServiceSettings) -> NotificationsSettings:
    """Return the settings that a task was given as what they are; refuses another service's."""
    if not isinstance(settings, NotificationsSettings):
        raise TypeError("these are not the settings of notifications")
    return settings
