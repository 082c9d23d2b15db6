"""Settings of the notifications service, read from variables that begin with NOTIFICATIONS_."""

from email.utils import parseaddr
from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings

DEMO_SMPP_PASSWORD = "simulate"  # noqa: S105 - of the simulator, refused in production
DEMO_VOICE_KEY = "voice-demonstration-key"


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
    smpp_host: str = Field("127.0.0.1", description="Message centre (SMSC) that takes our texts")
    smpp_port: int = Field(8106, description="Port of that message centre (SMPP 3.4)")
    smpp_system_id: str = Field("clachan", description="Name to bind to the message centre with")
    smpp_password: str = Field(
        DEMO_SMPP_PASSWORD, description="Password to bind with; at most 8 characters"
    )
    smpp_tls: bool = Field(
        default=False, description="Whether the line to the message centre is encrypted (TLS)"
    )
    smpp_timeout_seconds: float = Field(
        5.0, gt=0, le=10, description="How long the message centre may take for each answer"
    )
    sms_sender: str = Field(
        "Clachan",
        pattern=r"^[A-Za-z0-9 ]{1,11}$",
        description="Sender that people see above a text, at most 11 letters and digits",
    )
    voice_url: str = Field(
        "http://127.0.0.1:8107", description="Address of the provider that calls and reads aloud"
    )
    voice_key: str = Field(DEMO_VOICE_KEY, description="Bearer key for that provider")
    voice_caller: str = Field(
        "+441632960000", description="Number that people see when they are called (E.164)"
    )
    voice_timeout_seconds: float = Field(
        10.0, gt=0, le=20, description="How long that provider may take to answer"
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if "@" not in parseaddr(self.smtp_from)[1]:
            raise ValueError("smtp_from must hold an email address")
        if self.environment == "production" and self.smtp_security == "offered":
            raise ValueError("smtp_security must be starttls or tls in production")
        if self.environment == "production":
            demonstration = {
                "smpp_password": self.smpp_password == DEMO_SMPP_PASSWORD,
                "voice_key": self.voice_key == DEMO_VOICE_KEY,
            }
            for name in (name for name, found in demonstration.items() if found):
                raise ValueError(f"{name} needs the provider's own in production")
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
