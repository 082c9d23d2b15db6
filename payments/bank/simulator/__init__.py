"""A sponsor bank in a box: own process, own truth in SQLite, own reading of the files."""

from payments.bank.simulator.app import make_app

__all__ = ["make_app"]
