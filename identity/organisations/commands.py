"""Fills a demonstration with organisations and people, and tells who there is."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import yaml
from pydantic import BaseModel
from sqlalchemy.orm import Session

from identity.accounts.actions import create_account
from identity.accounts.passwords import hash_password
from identity.accounts.queries import find_credentials
from identity.accounts.settings import PeopleSettings, get_people_settings
from identity.accounts.vault import Vault, open_vault, sealer_of
from identity.organisations.actions import save_organisation, set_staff_roles
from identity.settings import get_settings
from shared import clock
from shared.actors import SYSTEM
from shared.db import Database, make_engine
from shared.errors import Forbidden

_PEOPLE = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "people.yaml"


class _Organisation(BaseModel):
    slug: str
    name: str
    kind: str = "other"


class _Staff(BaseModel):
    email: str
    name: str
    organisation: str
    roles: list[str]


class _Citizen(BaseModel):
    email: str
    does: str


class _People(BaseModel):
    organisations: list[_Organisation]
    staff: list[_Staff]
    citizens: list[_Citizen]


def _read_people() -> _People:
    return _People.model_validate(yaml.safe_load(_PEOPLE.read_text(encoding="utf-8")))


def check_demo(settings: PeopleSettings) -> str:
    """Return the password of the demonstration people; refuses outside development."""
    if settings.environment == "production" or not settings.demo_password:
        raise Forbidden(
            "demo_refused", "Demonstration people exist only in development, with a password set"
        )
    return settings.demo_password


def seed_people(session: Session, vault: Vault, password_hash: str, now: datetime) -> None:
    """Create the invented organisations, staff and citizens that are not there yet."""
    people = _read_people()
    for organisation in people.organisations:
        save_organisation(
            session,
            SYSTEM,
            slug=organisation.slug,
            name=organisation.name,
            kind=organisation.kind,
            now=now,
        )
    for citizen in people.citizens:
        create_account(
            session,
            vault,
            email=citizen.email,
            password_hash=password_hash,
            language="en",
            now=now,
        )
    for member in people.staff:
        account_id = create_account(
            session,
            vault,
            email=member.email,
            password_hash=password_hash,
            language="en",
            display_name=member.name,
            now=now,
        )
        if account_id is None:
            found = find_credentials(session, vault.email_index(member.email))
            account_id = found.account_id if found else None
        if account_id is not None:
            set_staff_roles(
                session,
                SYSTEM,
                account_id=account_id,
                organisation=member.organisation,
                roles=member.roles,
                now=now,
            )


def seed_demo(_arguments: Sequence[str] = ()) -> None:
    """Create the demonstration's people; safe to repeat; refuses outside development."""
    password = check_demo(get_people_settings())
    settings = get_settings()
    engine = make_engine(settings.database_url, pool_size=1, service="identity-seed")
    database = Database(engine)
    vault = open_vault(database, sealer_of(settings.encryption_key_file))
    password_hash = hash_password(password)
    with database.transaction() as session:
        seed_people(session, vault, password_hash, clock.now())
    engine.dispose()


def demo_people(_arguments: Sequence[str] = ()) -> None:
    """Print who to sign in as; refuses outside development."""
    password = check_demo(get_people_settings())
    people = _read_people()
    rows = [(person.email, person.does) for person in people.citizens]
    rows += [
        (member.email, f"{member.organisation}: {', '.join(_short(member.roles))}")
        for member in people.staff
    ]
    width = max(len(email) for email, _ in rows)
    for email, what in rows:
        print(f"{email:<{width}}  {what}")
    print(f"Password of all of them: {password}")


def _short(roles: list[str]) -> list[str]:
    return [role.partition(".")[2].replace("_", " ") for role in roles]
