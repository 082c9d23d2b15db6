"""How a process comes by what name checks need, from its settings."""

from functools import lru_cache
from pathlib import Path

from payments.payees.actions import Checker
from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from payments.payees.providers.open_banking import open_names
from payments.settings import PaymentsSettings
from shared import clock
from shared.crypto import Sealer
from shared.db import Database
from shared.settings import ServiceSettings


@lru_cache(maxsize=4)
def open_tables(weights_file: Path | None, substitutions_file: Path | None) -> TableFiles:
    """Return the one reader of a pair of weight tables."""
    return TableFiles(weights_file, substitutions_file)


@lru_cache(maxsize=4)
def _open_sealer(key_file: Path) -> Sealer:
    return Sealer(key_file)


def make_checker(
    database: Database, settings: ServiceSettings, sealer: Sealer | None = None
) -> Checker:
    """Return what a name check needs; refuses settings of another service (``TypeError``)."""
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("name checks need PaymentsSettings")
    sealer = sealer or _open_sealer(settings.encryption_key_file)
    return Checker(
        database=database,
        names=open_names(
            settings.payee_names_url + settings.payee_names_path,
            settings.payee_names_timeout_seconds,
            settings.payee_names_financial_id,
            settings.payee_names_token,
            settings.private_key_file,
        ),
        tables=open_tables(settings.modulus_weights_file, settings.modulus_substitutions_file),
        vault=DetailsVault(sealer, settings.secret_key),
        clock=clock.now,
        names_per_account=settings.name_check_names_per_account,
    )
