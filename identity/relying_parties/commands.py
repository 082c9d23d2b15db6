"""What an operator does with relying parties."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from identity.relying_parties.actions import register_relying_party
from identity.relying_parties.onelogin_template import read_templates
from identity.relying_parties.profiles import PROFILES
from identity.relying_parties.registration_file import Registration, read_registrations
from identity.relying_parties.rules import check_relying_party
from identity.relying_parties.sectors import check_sector_kept
from identity.settings import IdentitySettings, get_settings
from shared import clock
from shared.actors import SYSTEM
from shared.db import Database, make_engine
from shared.errors import FieldError, Invalid

DEMO_FILE = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "relying_parties.yaml"


def register(arguments: Sequence[str]) -> None:
    """Register the clients of a YAML file; running it again changes nothing."""
    if len(arguments) != 1:
        raise Invalid(FieldError("FILE", "name one YAML file"))
    settings = get_settings()
    database = Database(make_engine(settings.database_url, service="identity-command"))
    with database.transaction() as session:
        for client_id, done in register_file(session, Path(arguments[0]), settings):
            print(f"{client_id}: {done}")


def register_file(
    session: Session, path: Path, settings: IdentitySettings
) -> list[tuple[str, str]]:
    """Register every client of a file, or none of them; returns what was done with each.

    Raises:
        Invalid: the file or one of its clients breaks a rule; names the client.
    """
    try:
        content = path.read_text()
    except OSError as error:
        raise Invalid(FieldError("FILE", f"cannot read {path}")) from error
    return _register_all(session, _read(content, settings), settings)


def register_one_login(arguments: Sequence[str]) -> None:
    """Register the clients of a JSON file in One Login's own template, for one organisation."""
    if len(arguments) != 2:  # noqa: PLR2004 - what the sentence says
        raise Invalid(FieldError("ORGANISATION FILE", "name an organisation and one JSON file"))
    organisation, name = arguments
    settings = get_settings()
    try:
        registrations = read_templates(Path(name).read_text(), organisation)
    except OSError as error:
        raise Invalid(FieldError("FILE", f"cannot read {name}")) from error
    database = Database(make_engine(settings.database_url, service="identity-command"))
    with database.transaction() as session:
        for client_id, done in _register_all(session, registrations, settings):
            print(f"{client_id}: {done}")


def _read(content: str, settings: IdentitySettings) -> list[Registration]:
    addresses = {
        "public_url": settings.public_url,
        "glenmore_url": settings.glenmore_url,
        "sandbox_redirect_uri": settings.sandbox_redirect_uri,
    }
    return read_registrations(content, addresses, settings.client_keys_dir)


def _register_all(
    session: Session, registrations: Sequence[Registration], settings: IdentitySettings
) -> list[tuple[str, str]]:
    for registration in registrations:
        party = registration.party
        profile = PROFILES.get(party.profile)
        if profile is None:
            raise Invalid(FieldError(party.client_id, f"unknown profile {party.profile}"))
        faults = check_relying_party(
            party,
            auth_methods=profile.auth_methods,
            grant_types=profile.grant_types,
            id_token_algorithms=profile.id_token_algorithms,
            pkce_exemptions=profile.pkce_exemptions,
            production=settings.environment == "production",
        )
        environment = party.options.environment
        if environment not in ("live", "sandbox"):
            faults.append(FieldError("environment", "must be live or sandbox"))
        if environment == "sandbox" and not settings.offers_sandbox:
            faults.append(FieldError("environment", "there is no sandbox in this installation"))
        faults += check_sector_kept(session, party)
        if faults:
            title = f"{party.client_id} cannot be registered"
            raise Invalid(*faults, title=title)
    now = clock.now()
    return [
        (
            entry.party.client_id,
            register_relying_party(session, entry.party, entry.jwks, SYSTEM, now),
        )
        for entry in registrations
    ]
