"""What the doors of payees and runs ask FastAPI for: the vault, the tables, the checker."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from payments.payees.actions import Checker
from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from payments.payees.providers.open_banking import open_names
from payments.settings import PaymentsSettings
from shared import clock
from shared.web.runtime import runtime_of


def settings_of(request: Request) -> PaymentsSettings:
    """Return the payments settings of the app that serves this request."""
    settings = runtime_of(request).settings
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("the payments apps need PaymentsSettings")
    return settings


def get_vault(request: Request) -> DetailsVault:
    """Return the vault of bank details."""
    runtime = runtime_of(request)
    return DetailsVault(runtime.sealer, runtime.settings.secret_key)


@lru_cache(maxsize=4)
def open_tables(weights_file: Path | None, substitutions_file: Path | None) -> TableFiles:
    """Return the one reader of a pair of weight tables."""
    return TableFiles(weights_file, substitutions_file)


def get_tables(request: Request) -> TableFiles:
    """Return the modulus weight tables that the operator has given."""
    settings = settings_of(request)
    return open_tables(settings.modulus_weights_file, settings.modulus_substitutions_file)


def get_checker(request: Request) -> Checker:
    """Return what a name check needs."""
    settings = settings_of(request)
    return Checker(
        database=runtime_of(request).database,
        names=open_names(
            settings.payee_names_url + settings.payee_names_path,
            settings.payee_names_timeout_seconds,
            settings.payee_names_financial_id,
            settings.payee_names_token,
            settings.private_key_file,
        ),
        tables=get_tables(request),
        vault=get_vault(request),
        clock=clock.now,
    )


VaultDep = Annotated[DetailsVault, Depends(get_vault)]
TablesDep = Annotated[TableFiles, Depends(get_tables)]
CheckerDep = Annotated[Checker, Depends(get_checker)]
