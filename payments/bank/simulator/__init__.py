"""A sponsor bank in a box: own process, own truth in SQLite, own reading of the files."""

from payments.bank.simulator.app import make_app, make_desk
from payments.bank.simulator.sftp import SftpDoor

__all__ = ["SftpDoor", "make_app", "make_desk"]
