"""Operator's commands: how files of an account reach the bank."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import yaml

from payments.bank.formats.profile import Channel, FileFormat, Rail, read_profile
from payments.bank.queries import list_bank_accounts
from payments.bank.submissions.routes import Route, find_route, set_route
from payments.settings import get_settings
from shared.actors import Actor
from shared.db import Database, make_engine
from shared.errors import Invalid

_OPERATOR = Actor("system", "operator", name="Operator")
_RAILS = ("bacs", "faster_payments", "chaps")


def set_bank_route(arguments: Sequence[str]) -> None:
    """Set format, channel and profile of an account's files on a rail; shows them without.

    The profile is a YAML or JSON file of the settings in docs/payments/bank.md. Files that were
    begun keep the route they had. Refuses an unknown account and settings with a fault.
    """
    wanted = _read(arguments)
    settings = get_settings()
    engine = make_engine(settings.database_url, pool_size=1, service="payments-command")
    with Database(engine).transaction() as session:
        accounts = [
            one for one in list_bank_accounts(session, wanted.body) if one.code == wanted.account
        ]
        if not accounts:
            raise Invalid(title=f"{wanted.body} has no bank account {wanted.account}")
        account = accounts[0].id
        if wanted.format:
            values = yaml.safe_load(wanted.profile.read_text()) if wanted.profile else {}
            route = Route(wanted.format, wanted.channel, read_profile(values or {}))
            set_route(session, account, wanted.rail, route, _OPERATOR)
        found = find_route(session, account, wanted.rail)
    engine.dispose()
    settings_told = found.profile.model_dump(exclude_defaults=True)
    print(f"{wanted.rail}: {found.file_format} over {found.channel}, {settings_told or 'defaults'}")


class _Wanted:
    body: str
    account: str
    rail: Rail
    format: FileFormat | None
    channel: Channel
    profile: Path | None


def _read(arguments: Sequence[str]) -> _Wanted:
    parser = ArgumentParser("payments bank-route", description=set_bank_route.__doc__)
    parser.add_argument("body", help="the body's short name")
    parser.add_argument("account", help="the account's short name")
    parser.add_argument("rail", choices=_RAILS)
    parser.add_argument("--format", choices=("standard18", "pain.001.001.09"))
    parser.add_argument("--channel", choices=("https", "sftp"), default="https")
    parser.add_argument("--profile", type=Path, help="file with the bank's settings")
    return parser.parse_args(arguments, namespace=_Wanted())
