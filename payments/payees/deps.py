"""What the doors of payees and runs ask FastAPI for: the vault, the tables, the checker."""

from typing import Annotated

from fastapi import Depends, Request

from payments.payees.actions import Checker
from payments.payees.bank_details import DetailsVault
from payments.payees.making import make_checker, open_tables
from payments.payees.modulus.tables import TableFiles
from payments.settings import PaymentsSettings
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


def get_tables(request: Request) -> TableFiles:
    """Return the modulus weight tables that the operator has given."""
    settings = settings_of(request)
    return open_tables(settings.modulus_weights_file, settings.modulus_substitutions_file)


def get_checker(request: Request) -> Checker:
    """Return what a name check needs."""
    runtime = runtime_of(request)
    return make_checker(runtime.database, settings_of(request), runtime.sealer)


VaultDep = Annotated[DetailsVault, Depends(get_vault)]
TablesDep = Annotated[TableFiles, Depends(get_tables)]
CheckerDep = Annotated[Checker, Depends(get_checker)]
SettingsDep = Annotated[PaymentsSettings, Depends(settings_of)]
