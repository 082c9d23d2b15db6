"""The vault, as endpoints ask for it."""

from typing import Annotated

from fastapi import Depends

from notifications.sealing.vault import Vault, open_vault
from shared.web.deps import RuntimeDep


def _get_vault(runtime: RuntimeDep) -> Vault:
    return open_vault(runtime.database, runtime.sealer)


VaultDep = Annotated[Vault, Depends(_get_vault)]
