"""The part of the identity settings that concerns people; variables start with ``IDENTITY_``."""

from functools import lru_cache
from pathlib import Path
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
    phone_countries: list[str] = Field(
        default=["GB"], description="Countries whose telephone numbers may get codes (ISO 3166)"
    )
    phone_codes_per_address: int = Field(
        20, ge=1, description="Texts and calls one network address may cause in an hour"
    )
    phone_codes_a_day: int = Field(
        20_000, ge=16, description="Texts and calls with codes in a day, all accounts together"
    )
    sign_up_asks_phone: bool = Field(
        default=False,
        description="Whether new accounts are asked for a telephone; they may skip it",
    )
    wrong_passwords_an_hour: int = Field(
        5_000,
        ge=16,
        description="Wrong passwords in an hour, all accounts together, above which one network"
        " address may send only a tenth of its forms",
    )
    password_memory_kib: int = Field(
        19_456, ge=7_168, description="Memory of one password hash (Argon2id), in KiB"
    )
    password_passes: int = Field(2, ge=1, description="Passes of one password hash (Argon2id)")
    password_places: int = Field(
        0, ge=0, description="Passwords hashed at the same time; 0 takes the number of processors"
    )
    password_queue: int = Field(
        64, ge=0, description="Passwords that may wait for a place; further ones are refused (503)"
    )
    breached_passwords: Path | None = Field(
        None,
        description="Folder of SHA-1 prefix files, or one sorted file of `SHA1:count` lines, of"
        " passwords that were found in breaches",
    )
    email_recovery_days: int = Field(
        7, ge=1, description="Days that a lost email address waits before another takes its place"
    )
    phone_recovery_days: int = Field(
        3, ge=1, description="Days that a lost telephone waits before it is removed"
    )
    undo_days: int = Field(
        7, ge=1, description="Days in which a change of email, telephone or password can be undone"
    )
    closing_days: int = Field(
        14, ge=1, description="Days between closing an account and deleting what is in it"
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
