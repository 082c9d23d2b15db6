"""Settings of the simulators, read from variables that begin with SIMULATORS_."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SimulatorSettings(BaseSettings):
    """Where each outside party listens and where all of them keep their truth."""

    model_config = SettingsConfigDict(env_prefix="SIMULATORS_", extra="ignore")

    host: str = Field("127.0.0.1", description="Address that every simulator listens on")
    state_dir: Path = Field(description="Folder of the simulators' SQLite files")
    bank_port: int = Field(8101, description="Port of the bank")
    payee_names_port: int = Field(8102, description="Port of Confirmation of Payee")
    document_check_port: int = Field(8103, description="Port of the company that checks documents")
    smtp_port: int = Field(8104, description="Port on which email is taken (SMTP)")
    inbox_port: int = Field(8105, description="Port of the page that shows the email")
    smpp_port: int = Field(8106, description="Port on which texts are taken (SMPP 3.4)")
    voice_port: int = Field(8107, description="Port of the company that calls and reads aloud")
    bank_sftp_port: int = Field(8108, description="Port on which the bank takes files (SFTP)")
