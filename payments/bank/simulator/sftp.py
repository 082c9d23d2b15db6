"""The bank's SFTP door: the same counter as over HTTP, seen as folders.

A file that is renamed to its final name in ``submissions`` is taken at once; the answer lies in
``receipts``. ``reports`` and ``statements/<sort code and account>`` are read from the bank's truth.
"""

import io
import logging
import os
import socket
import threading
from pathlib import Path, PurePosixPath

import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.sftp import SFTP_FAILURE, SFTP_NO_SUCH_FILE, SFTP_OK, SFTP_PERMISSION_DENIED

from payments.bank.simulator import flags
from payments.bank.simulator.desk import Desk, hash_file
from payments.bank.simulator.statements import FORMATS, write_statement

_USER = "clachan"
_FOLDERS = ("submissions", "receipts", "reports", "statements")
_ACCEPT_SECONDS = 20


class _Door(paramiko.ServerInterface):
    """Lets our one customer in, with a key; only the keys listed, where some are listed."""

    def __init__(self, authorised: Path) -> None:
        self._authorised = authorised

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Admit the customer's user with an authorised key."""
        listed = self._authorised.read_text().split() if self._authorised.exists() else None
        good = username == _USER and (listed is None or key.get_base64() in listed)
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        """Name the one way to sign in."""
        del username
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Open sessions only."""
        del chanid
        if kind == "session":
            return OPEN_SUCCEEDED
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _Handle(SFTPHandle):
    """An open file: of the disk, or made of the bank's truth."""

    def __init__(self, file: io.BufferedRandom | io.BytesIO, flags: int) -> None:
        super().__init__(flags)
        self.readfile = file
        self.writefile = file
        self._file = file

    def stat(self) -> SFTPAttributes:
        """Return the size."""
        here = self._file.tell()
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(here)
        return _attributes(size)


class _Folders(paramiko.SFTPServerInterface):
    """The customer's folders."""

    def __init__(self, server: paramiko.ServerInterface, desk: Desk, root: Path) -> None:
        super().__init__(server)
        self._desk = desk
        self._root = root

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        """List one of the bank's folders."""
        parts = _parts(path)
        if not parts:
            return [_attributes(0, name, folder=True) for name in _FOLDERS]
        if self._desk.is_away():
            return SFTP_FAILURE
        if parts[0] in ("submissions", "receipts") and len(parts) == 1:
            folder = self._root / parts[0]
            return [_attributes(one.stat().st_size, one.name) for one in folder.iterdir()]
        names = self._names(parts)
        return [_attributes(0, name) for name in names]

    def stat(self, path: str) -> SFTPAttributes | int:
        """Return what is known of a file or folder."""
        parts = _parts(path)
        if len(parts) <= 1:
            return _attributes(0, folder=True)
        place = self._place(parts)
        if place is not None:
            if not place.exists():
                return SFTP_NO_SUCH_FILE
            return _attributes(place.stat().st_size)
        content = self._content(parts)
        return SFTP_NO_SUCH_FILE if content is None else _attributes(len(content))

    lstat = stat

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> SFTPHandle | int:
        """Open a file: submissions to write, the others to read."""
        del attr
        parts = _parts(path)
        if self._desk.is_away():
            return SFTP_FAILURE
        place = self._place(parts)
        is_writing = bool(flags & (os.O_WRONLY | os.O_RDWR))
        if place is None or not is_writing:
            content = place.read_bytes() if place and place.exists() else self._content(parts)
            if content is None:
                return SFTP_NO_SUCH_FILE
            return _Handle(io.BytesIO(content), flags)
        if parts[0] != "submissions":
            return SFTP_PERMISSION_DENIED
        return _Handle(place.open("w+b"), flags)

    def rename(self, oldpath: str, newpath: str) -> int:
        """Give a file its final name, by which the bank takes it."""
        old, new = self._place(_parts(oldpath)), self._place(_parts(newpath))
        if old is None or new is None or not old.exists():
            return SFTP_NO_SUCH_FILE
        if new.exists() or self._desk.is_away():
            return SFTP_FAILURE
        old.rename(new)
        if not new.name.startswith("."):
            self._take(new)
        return SFTP_OK

    posix_rename = rename

    def _take(self, place: Path) -> None:
        identification, _, suffix = place.name.rpartition(".")
        rail = "faster_payments" if suffix == "fps" else ""
        sha256 = hash_file(place)
        answer = self._desk.submit(identification, place, sha256, rail)
        place.replace(self._desk.store.files / sha256)
        if not answer.is_dropped:
            receipt = self._root / "receipts" / f"{identification}.json"
            waiting = receipt.with_suffix(".tmp")
            waiting.write_bytes(answer.json)
            waiting.replace(receipt)

    def _place(self, parts: list[str]) -> Path | None:
        """Return the file on disk, None for what is made of the bank's truth."""
        if len(parts) != 2 or parts[0] not in ("submissions", "receipts"):  # noqa: PLR2004 - folder and name
            return None
        return self._root / parts[0] / parts[1]

    def _names(self, parts: list[str]) -> list[str]:
        with self._desk.store.work() as connection:
            if parts == ["reports"]:
                rows = connection.execute("SELECT id FROM report ORDER BY rowid")
                return [str(row["id"]) for row in rows.fetchall()]
            rows = connection.execute(
                "SELECT id FROM statement WHERE sort_code || account = ? ORDER BY sequence",
                (parts[-1],),
            )
            suffix = self._suffix(parts[-1])
            return [f"{row['id']}{suffix}" for row in rows.fetchall()]

    def _suffix(self, account: str) -> str:
        """Return how an account's statements end: with their format, where that is not camt."""
        own = flags.load(self._desk.accounts).get((account[:6], account[6:]), {})
        wanted = str(own.get(flags.STATEMENTS, FORMATS[0]))
        return "" if wanted == FORMATS[0] or wanted not in FORMATS else f".{wanted}"

    def _content(self, parts: list[str]) -> bytes | None:
        with self._desk.store.work() as connection:
            if parts[:1] == ["statements"]:
                name, _, wanted = parts[-1].partition(".")
                wanted = wanted or FORMATS[0]
                return write_statement(connection, name, wanted) if wanted in FORMATS else None
            row = connection.execute(
                "SELECT content FROM report WHERE id = ?", (parts[-1] if parts else "",)
            ).fetchone()
        return None if row is None else bytes(row["content"])


class SftpDoor:
    """Listens until closed; each customer's connection is a thread of its own."""

    def __init__(self, desk: Desk, state_dir: Path, host: str, port: int) -> None:
        self._desk = desk
        self._root = state_dir / "sftp"
        for name in ("submissions", "receipts"):
            (self._root / name).mkdir(parents=True, exist_ok=True)
        self._key = _host_key(state_dir)
        # Customers that hang up are no news; without a handler each would be on standard error.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        self._listener = socket.create_server((host, port))
        self.port: int = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._listener.close()
        for transport in self._transports:
            transport.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._transports = [one for one in self._transports if one.is_active()]
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", SFTPServer, _Folders, self._desk, self._root)
            self._transports.append(transport)
            try:
                # With an event it does not wait: a slow customer keeps nobody else waiting.
                door = _Door(self._root / "authorized_keys")
                transport.start_server(event=threading.Event(), server=door)
            except (paramiko.SSHException, OSError, EOFError):
                transport.close()


def _host_key(state_dir: Path) -> paramiko.PKey:
    """Return the bank's own key, made once; its public part lies beside it to be pinned."""
    private = state_dir / "bank_host_key"
    if not private.exists():
        key = paramiko.ECDSAKey.generate()
        key.write_private_key_file(str(private))
    loaded = paramiko.PKey.from_path(private)
    public = state_dir / "bank_host_key.pub"
    public.write_text(f"{loaded.get_name()} {loaded.get_base64()}\n")
    return loaded


def _attributes(size: int, name: str = "", *, folder: bool = False) -> SFTPAttributes:
    attributes = SFTPAttributes()
    attributes.filename = name
    attributes.longname = name
    attributes.st_size = size
    attributes.st_mode = 0o040700 if folder else 0o100600
    attributes.st_mtime = attributes.st_atime = 0
    attributes.st_uid = attributes.st_gid = 0
    return attributes


def _parts(path: str) -> list[str]:
    """Return the folders and the name of a path, without any that lead upwards."""
    return [part for part in PurePosixPath(path).parts if part not in ("/", ".", "..")]
