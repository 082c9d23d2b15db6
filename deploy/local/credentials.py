"""Passwords and secrets of one installation: made once, at random, and kept in a private file."""

import base64
import secrets
from dataclasses import dataclass

from deploy.database.names import LOGINS, SERVICES
from deploy.local.clients import SECRET_CLIENTS
from deploy.local.home import Home, read_json, write_json, write_private

_NAMES = (
    "postgres",
    "valkey",
    "glenmore_session",
    "demo_password",
    *(f"role_{role}" for role in LOGINS),
    *(f"secret_key_{service}" for service in SERVICES),
)


@dataclass(frozen=True)
class Credentials:
    """Looks a secret up by its name; an unknown name is a programming error."""

    values: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def role_passwords(self) -> dict[str, str]:
        """Return the password of each login role of the database."""
        return {role: self.values[f"role_{role}"] for role in LOGINS}


def load_credentials(home: Home) -> Credentials:
    """Return the installation's secrets, adding those that are not there yet."""
    path = home.path / "secrets.json"
    known = {name: str(value) for name, value in read_json(path).items()}
    missing = [name for name in _NAMES if name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(32) for name in missing}
        write_json(path, known)
    for service in SERVICES:
        key_file = home.keys / f"{service}.kek"
        if not key_file.exists():
            write_private(key_file, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
    for client_id in SECRET_CLIENTS:
        secret_file = home.keys / f"{client_id}.secret"
        if not secret_file.exists():
            write_private(secret_file, secrets.token_urlsafe(32) + "\n")
    return Credentials(known)
