"""Tests of schedules stand on the same body as those of runs."""

from tests.payments.runs.conftest import (
    app,
    console,
    database,
    session,
    vault,
    world,
)

__all__ = ["app", "console", "database", "session", "vault", "world"]
