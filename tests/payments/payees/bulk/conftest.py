from tests.payments.runs.conftest import app, console, database

__all__ = ["app", "console", "database"]
