"""Tests of controls stand on the same body as those of runs."""

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
