from tests.payments.runs.conftest import (
    app,
    console,
    database,
    private_key,
    session,
    vault,
    world,
)

__all__ = ["app", "console", "database", "private_key", "session", "vault", "world"]
