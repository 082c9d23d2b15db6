"""Settings of the gateway, read from variables that begin with ``GATEWAY_``."""

from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """What the front door needs to know beyond what every service does."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore")

    assets_dir: Path | None = Field(
        None, description="Folder with the collected style sheets, scripts and fonts"
    )
    services_dir: Path = Field(
        Path(__file__).resolve().parent.parent / "services",
        description="Folder with the definitions that publish-services reads",
    )
    service_client_id: str = Field(
        "gateway-service", description="Client id under which the gateway calls other services"
    )
    journeys_client_id: str = Field(
        "clachanjourn1", description="Client id of the journeys at the ScotAccount issuer"
    )
    journeys_private_key_file: Path | None = Field(
        None,
        description="PEM key of the journeys' client; default: its id beside the service's own key",
    )
    scotaccount_issuer: str = Field(
        "", description="ScotAccount issuer, without last slash; default is the platform's own"
    )
    scotaccount_attributes_url: str = Field(
        "", description="Address of /attributes/values; default is below the issuer"
    )
    payee_check_timeout_seconds: float = Field(
        12.0, description="How long a person waits for the check of their bank details at most"
    )

    envoy_dir: Path = Field(Path("envoy"), description="Folder that Envoy reads its files from")
    envoy_admin_port: int = Field(9911, description="Port of Envoy's own pages, this machine only")
    public_host: str = Field("127.0.0.1", description="Address on which Envoy takes requests")
    public_port: int = Field(8000, description="Port on which Envoy takes requests")
    identity_port: int = Field(8011, description="Port of identity, for Envoy's routes")
    payments_port: int = Field(8012, description="Port of payments, for Envoy's routes")
    notifications_port: int = Field(8013, description="Port of notifications, for Envoy's routes")
    gateway_web_port: int = Field(8014, description="Port of the gateway, for Envoy's routes")
    govstack_port: int = Field(
        0,
        description="Port on which Envoy answers GovStack's paths at the root, without tokens; 0: "
        "none. For sandboxes only",
    )
    edge_requests_per_second: int = Field(
        200, description="Requests a second that Envoy lets pass from one address"
    )

    @property
    def journeys_key_file(self) -> Path:
        """Return the key with which the journeys' client signs; refuses when there is none."""
        if self.journeys_private_key_file is not None:
            return self.journeys_private_key_file
        if self.private_key_file is None:
            raise ValueError("signing people in needs journeys_private_key_file")
        return self.private_key_file.parent / f"{self.journeys_client_id}.pem"

    @property
    def journeys_issuer(self) -> str:
        """Return the issuer through which people sign in to journeys."""
        return self.scotaccount_issuer or f"{self.public_url}/identity/scotaccount"

    @property
    def attributes_url(self) -> str:
        """Return where verified attributes are fetched."""
        return self.scotaccount_attributes_url or f"{self.journeys_issuer}/attributes/values"


@lru_cache
def get_settings() -> GatewaySettings:
    """Return the settings of this process, read once; refuses missing and weak values."""
    return GatewaySettings()
