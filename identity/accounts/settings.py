"""The part of the identity settings that concerns people; variables start with ``IDENTITY_``."""

from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEMO_CHECK_KEY = "document-check-demonstration-key"


class PeopleSettings(BaseSettings):
    """What accounts, sign-in and verification need beside what every service reads."""

    model_config = SettingsConfigDict(
        env_prefix="IDENTITY_", extra="ignore", hide_input_in_errors=True
    )

    environment: Literal["development", "production", "test"] = Field(
        "production", description="`development` allows demonstration people and keys"
    )
    demo_password: str = Field(
        "", description="Password of the demonstration people; refused outside development"
    )
    document_check_url: str = Field(
        "http://127.0.0.1:8103", description="Address of the document-check provider"
    )
    document_check_key: str = Field(DEMO_CHECK_KEY, description="Bearer key for that provider")
    accepted_profiles: list[str] = Field(
        default=["M1A", "M1B", "M1C", "M1D", "M2A", "M2B", "M2C", "M3A"],
        description="GPG 45 profiles that count as medium, the preferred first",
    )
    fraud_check_days: int = Field(180, description="How long a fraud check counts, in days")
    expired_permit_days: int = Field(
        180, description="How long after its expiry a driving licence may still be used, in days"
    )
    forms_per_address: int = Field(
        120, description="Sign-in and sign-up forms one network address may send in an hour"
    )

    @model_validator(mode="after")
    def _no_demonstration_in_production(self) -> Self:
        if self.environment == "production":
            if self.demo_password:
                raise ValueError("demo_password is for development only")
            if self.document_check_key == DEMO_CHECK_KEY:
                raise ValueError("document_check_key needs the provider's own key in production")
        return self


@lru_cache
def get_people_settings() -> PeopleSettings:
    """Return the settings of this process, read once."""
    return PeopleSettings()
