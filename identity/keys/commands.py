"""What an operator does with keys."""

from collections.abc import Sequence

from identity.keys.actions import rotate_keys
from identity.keys.identity_keys import rotate_identity_keys
from identity.settings import get_settings
from shared import clock
from shared.actors import SYSTEM
from shared.crypto import Sealer
from shared.db import Database, make_engine


def rotate(_arguments: Sequence[str]) -> None:
    """Let new keys sign from now on; running processes follow within seconds."""
    settings = get_settings()
    database = Database(make_engine(settings.database_url, service="identity-command"))
    sealer = Sealer(settings.encryption_key_file)
    with database.transaction() as session:
        active = rotate_keys(session, sealer, SYSTEM, clock.now())
    print("\n".join(["Now signing:", *active]))


def rotate_identity(_arguments: Sequence[str]) -> None:
    """Let a new identity key sign proofs of identity; the DID document follows within seconds."""
    settings = get_settings()
    database = Database(make_engine(settings.database_url, service="identity-command"))
    with database.transaction() as session:
        kid = rotate_identity_keys(
            session, Sealer(settings.encryption_key_file), SYSTEM, clock.now()
        )
    print(f"Now signing proofs of identity: {kid}")
