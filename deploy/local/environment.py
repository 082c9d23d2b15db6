"""What each process finds in its environment: the one place that turns ports into settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from deploy.database.names import DATABASE, MIGRATOR, SERVICES
from deploy.local.clients import LEDGER_SEAL_KEY
from deploy.local.credentials import Credentials
from deploy.local.home import Home
from deploy.local.ports import LOOPBACK, Ports

# Of the person's own environment: what programs need to run at all.
_INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class Installation:
    """One platform on one machine: its folder, ports, secrets and the settings it was given."""

    home: Home
    ports: Ports
    credentials: Credentials
    environ: Mapping[str, str]

    @property
    def admin_url(self) -> str:
        """The database server's address for its administrator."""
        if given := self.environ.get("CLACHAN_DATABASE_URL", ""):
            return given
        word = self.credentials["postgres"]
        return f"postgresql://postgres:{word}@{LOOPBACK}:{self.ports['POSTGRES']}/postgres"

    @property
    def broker_url(self) -> str:
        """The address of Redis or Valkey."""
        if given := self.environ.get("CLACHAN_BROKER_URL", ""):
            return given
        return f"redis://:{self.credentials['valkey']}@{LOOPBACK}:{self.ports['VALKEY']}/0"

    def database_url(self, role: str) -> str:
        """Return the platform's database as one of its login roles sees it."""
        server = urlsplit(self.admin_url)
        word = quote(self.credentials[f"role_{role}"], safe="")
        place = server.netloc.rpartition("@")[2]
        return urlunsplit(
            ("postgresql+psycopg", f"{role}:{word}@{place}", f"/{DATABASE}", server.query, "")
        )

    def local_url(self, port: str, path: str = "") -> str:
        """Return the address of something that listens on its own port."""
        return f"http://{LOOPBACK}:{self.ports[port]}{path}"


def base_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what every process gets, whatever it is."""
    kept = {name: environ[name] for name in _INHERITED if name in environ}
    # Threads of one process share their memory pools: saves some 20 MB in each.
    return kept | {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}


def service_environment(service: str, place: Installation, *, role: str = "") -> dict[str, str]:
    """Return the environment of a service's processes; ``role`` changes its database login.

    A variable with the service's prefix in the person's environment wins over what is set here.
    """
    keys, ports = place.home.keys, place.ports
    settings = {
        "ENVIRONMENT": "development",
        "PUBLIC_URL": ports.public_url,
        "HOST": LOOPBACK,
        "PORT": str(ports[service.upper()]),
        "WORKER_PORT": str(ports[f"{service.upper()}_WORKER"]),
        "DATABASE_URL": place.database_url(role or service),
        "BROKER_URL": place.broker_url,
        "SECRET_KEY": place.credentials[f"secret_key_{service}"],
        "ENCRYPTION_KEY_FILE": str(keys / f"{service}.kek"),
        "PRIVATE_KEY_FILE": str(keys / f"{service}-service.pem"),
        "OIDC_ISSUER": f"{ports.public_url}/identity/oidc",
        "ASSETS_DIR": str(place.home.assets),
    } | _special(service, place)
    prefix = f"{service.upper()}_"
    own = {prefix + name: value for name, value in settings.items()}
    given = {name: value for name, value in place.environ.items() if name.startswith(prefix)}
    return base_environment(place.environ) | own | given


def _special(service: str, place: Installation) -> dict[str, str]:
    """Return the settings that only one service has."""
    if service == "identity":
        return {
            "DOCUMENT_CHECK_URL": place.local_url("DOCUMENT_CHECK"),
            "CLIENT_KEYS_DIR": str(place.home.keys),
            "DEMO_PASSWORD": place.credentials["demo_password"],
            "GLENMORE_URL": f"http://localhost:{place.ports['GLENMORE']}",
            "SANDBOX_REDIRECT_URI": "http://localhost:3000/callback",
            "OUTBOUND_ALLOWED_HOSTS": '["localhost", "127.0.0.1"]',
        }
    if service == "payments":
        return {
            "BANK_URL": place.local_url("BANK"),
            "BANK_SFTP_HOST": LOOPBACK,
            "BANK_SFTP_PORT": str(place.ports["BANK_SFTP"]),
            "BANK_SFTP_KEY_FILE": str(place.home.keys / "payments-service.pem"),
            "BANK_SFTP_HOST_KEY_FILE": str(place.home.simulators / "bank_host_key.pub"),
            "PAYEE_NAMES_URL": place.local_url("PAYEE_NAMES"),
            "OUTBOUND_ALLOWED_HOSTS": '["localhost", "127.0.0.1"]',
            "LEDGER_SEAL_KEY_FILE": str(place.home.keys / LEDGER_SEAL_KEY),
            "LEDGER_CHECKPOINT_FOLDER": str(place.home.path / "checkpoints"),
            "GOVSTACK_OPEN_BODY": "strathclachan",
            "GOVSTACK_PROGRAMME": "winter-heating",
        }
    if service == "notifications":
        return {
            "SMTP_HOST": LOOPBACK,
            "SMTP_PORT": str(place.ports["SMTP"]),
            "SMPP_HOST": LOOPBACK,
            "SMPP_PORT": str(place.ports["SMPP"]),
            "VOICE_URL": place.local_url("VOICE"),
        }
    return {"ENVOY_DIR": str(place.home.envoy)} | {
        f"{name}_PORT": str(port) for name, port in _edge_ports(place.ports).items()
    }


def _edge_ports(ports: Ports) -> dict[str, int]:
    """Return the ports that Envoy's files are made of."""
    names = ("PUBLIC", "ENVOY_ADMIN", "GOVSTACK", *(service.upper() for service in SERVICES))
    return {("GATEWAY_WEB" if name == "GATEWAY" else name): ports[name] for name in names}


def migration_environment(service: str, place: Installation) -> dict[str, str]:
    """Return the environment of a service's migrations, which may take its owner's role."""
    return service_environment(service, place, role=MIGRATOR)


def simulators_environment(place: Installation) -> dict[str, str]:
    """Return the environment of the process that stands in for the outside parties."""
    names = (
        *("BANK", "BANK_SFTP", "PAYEE_NAMES", "DOCUMENT_CHECK"),
        *("SMTP", "INBOX", "SMPP", "VOICE"),
    )
    settings = {f"{name}_PORT": str(place.ports[name]) for name in names}
    settings |= {"HOST": LOOPBACK, "STATE_DIR": str(place.home.simulators)}
    own = {f"SIMULATORS_{name}": value for name, value in settings.items()}
    given = {name: value for name, value in place.environ.items() if name in own}
    return base_environment(place.environ) | own | given


def glenmore_environment(place: Installation) -> dict[str, str]:
    """Return the environment of the demonstration relying party, a Node program."""
    return base_environment(place.environ) | {
        "NODE_ENV": "development",
        "HOST": LOOPBACK,
        "PORT": str(place.ports["GLENMORE"]),
        "BASE_URL": f"http://localhost:{place.ports['GLENMORE']}",
        "ISSUER_BASE_URL": f"{place.ports.public_url}/identity/oidc",
        "CLIENT_ID": "glenmore-repairs",
        "CLIENT_ASSERTION_SIGNING_KEY_FILE": str(place.home.keys / "glenmore-repairs.pem"),
        "SECRET": place.credentials["glenmore_session"],
    }
