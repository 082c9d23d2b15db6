"""Settings of the payments service, read from variables that begin with ``PAYMENTS_``."""

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

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
    bank_sftp_host: str = Field(
        "", description="The sponsor bank's SFTP server; empty where no file goes over SFTP"
    )
    bank_sftp_port: int = Field(22, ge=1, le=65535, description="Port of that server")
    bank_sftp_username: str = Field("clachan", description="Name to sign in with there")
    bank_sftp_key_file: Path | None = Field(
        None, description="Our private key for that server (OpenSSH or PEM)"
    )
    bank_sftp_host_key_file: Path | None = Field(
        None,
        description="The server's public keys, one a line as OpenSSH writes them; a server with "
        "another key gets nothing",
    )
    bank_sftp_receipts: bool = Field(
        True,
        description="Whether the bank writes a receipt for each file; without, a file counts as "
        "taken over when it lies in its folder",
    )
    bank_sftp_receipt_seconds: float = Field(
        10.0, ge=0, le=300, description="How long to wait for a receipt before asking later"
    )
    bank_reports_channel: Literal["https", "sftp"] = Field(
        "https", description="Where the bank's reports are fetched"
    )
    bank_statements_channel: Literal["https", "sftp"] = Field(
        "https", description="Where the bank's statements are fetched"
    )
    bank_report_names_file: Path | None = Field(
        None,
        description="JSON object of the names that the bank's reports use in place of the "
        "published element and attribute names",
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
    ledger_seal_seconds: int = Field(
        5, ge=1, description="How often what is booked gets its numbers and its place in the log"
    )
    ledger_checkpoint_minutes: int = Field(
        10, ge=1, description="How often the state of the ledger's log is signed"
    )
    ledger_seal_key_file: Path | None = Field(
        None, description="PEM key (Ed25519) that signs checkpoints; without it none are made"
    )
    ledger_seal_name: str = Field(
        "clachan", description="Name under which auditors know that key; without blanks"
    )
    ledger_checkpoint_folder: Path | None = Field(
        None, description="Folder, best outside the operator's control, that gets each checkpoint"
    )
    ledger_reservation_days: int = Field(
        40, ge=1, description="After how many days a reservation that nothing used is freed"
    )
    upload_maximum_bytes: int = Field(
        512_000_000, ge=1_000, description="Largest file of payments that is taken"
    )
    duplicate_days: int = Field(
        35,
        ge=1,
        le=366,
        description="Days in which the same account, amount and reference is held as a duplicate",
    )
    screening_score: int = Field(
        90,
        ge=50,
        le=100,
        description="How alike a name and a listed one are, from 50 to 100, to be held",
    )
    screening_without_list: Literal["hold", "warn"] = Field(
        "hold",
        description="What becomes of uploaded payments while no sanctions list is loaded",
    )
    payee_cooling_off_hours: int = Field(
        24,
        ge=0,
        le=720,
        description="How long payments to a payee whose name or account was changed are held",
    )
    name_check_names_per_account: int = Field(
        10,
        ge=1,
        description="How many names one person or program may try for one account in 24 hours",
    )
    name_check_batch_per_second: float = Field(
        20.0,
        gt=0,
        le=1000,
        description="How many questions a second the files of name checks ask, all together",
    )
    name_check_batch_lanes: int = Field(
        2, ge=1, le=16, description="How many questions of one file of name checks are open at once"
    )
    prompt_payment_calendar: Literal["scotland", "england-and-wales"] = Field(
        "scotland", description="Whose bank holidays are no working days in the 10-day figure"
    )
    webhook_timeout_seconds: float = Field(
        5.0, description="How long a webhook's address may take to answer one message"
    )
    webhook_keep_days: int = Field(
        90, ge=7, le=3650, description="Days after which delivered webhook events are deleted"
    )
    upload_keep_days: int = Field(
        90,
        ge=1,
        le=3650,
        description="Days after which the bytes of uploads given up or refused are deleted",
    )
    outbound_allowed_hosts: list[str] = Field(
        default=[],
        description="Hosts that may be private or plain http when webhooks or callbacks name"
        " them; for tests and the demonstration, refused in production",
    )
    govstack_open_body: str = Field(
        "",
        description="Body for which the open GovStack listener acts, without any token; empty: no"
        " such listener. For sandboxes only",
    )
    govstack_programme: str = Field(
        "", description="Programme that pays GovStack batches which name none in X-Program-Id"
    )
    write_off_limit_pence: int = Field(
        1_000,
        ge=0,
        description="The most, in pence, that a difference on a statement may be written off with;"
        " a second person approves each",
    )

    @model_validator(mode="after")
    def _no_private_hosts_in_production(self) -> Self:
        if self.environment == "production" and self.outbound_allowed_hosts:
            raise ValueError("outbound_allowed_hosts is for development only")
        return self


@lru_cache
def get_settings() -> PaymentsSettings:
    """Return the settings of this process, read once; refuses missing and weak values."""
    return PaymentsSettings()
