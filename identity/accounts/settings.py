"""The part of the identity settings that concerns people; variables start with ``IDENTITY_``."""

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
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
    scotaccount_attributes_url: str = Field(
        "",
        description="Address of the host that gives attributes to clients of the ScotAccount"
        " profile; empty: below the profile's issuer",
    )
    onelogin_identity_url: str = Field(
        "",
        description="Address of the host whose DID document holds the keys of identity proofs for"
        " the One Login profile; empty: below the profile's own issuer",
    )
    onelogin_subject_prefix: str = Field(
        "urn:fdc:clachan.example:2026:", description="What subjects of that profile begin with"
    )
    onelogin_wallet_prefix: str = Field(
        "urn:fdc:wallet.clachan.example:2026:",
        description="What `wallet_subject_id` of that profile begins with",
    )
    onelogin_vocabulary: str = Field(
        "https://vocab.account.gov.uk/v1/",
        description="What the names of its identity claims begin with, as its clients know them",
    )
    onelogin_return_codes: dict[str, str] = Field(
        default={
            "not_confirmed": "N",
            "details_differ": "D",
            "document_expired": "X",
            "face_mismatch": "V",
            "not_shared": "P",
            "level_not_offered": "Z",
        },
        description="Letter that it tells a service for each reason why nobody's identity was"
        " proved; `not_confirmed` must be among them",
    )
    identity_key_days: int = Field(
        180, ge=1, description="After how many days a new key signs proofs of identity"
    )
    sandbox_in_production: bool = Field(
        default=False,
        description="Whether a production installation serves sandbox clients, which sign"
        " fictitious people in; those never meet the clients and accounts of real people",
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

    @property
    def offers_sandbox(self) -> bool:
        """Whether sandbox clients are served here."""
        return self.environment != "production" or self.sandbox_in_production

    @field_validator("onelogin_return_codes")
    @classmethod
    def _one_letter_each(cls, codes: dict[str, str]) -> dict[str, str]:
        if "not_confirmed" not in codes or any(len(code) != 1 for code in codes.values()):
            raise ValueError("onelogin_return_codes are one letter each, not_confirmed among them")
        return codes

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
