"""A bank reached over SFTP: files are dropped under our submission id, reports are fetched.

The hand-over is one rename: a file is written under another name first, and only a whole file of
the right size is renamed. The same name again is never written twice. The bank's host key is
pinned; a bank with another key gets nothing.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko

from payments.bank.content import Content
from payments.bank.provider import (
    MAXIMUM_FILE_BYTES,
    Acknowledged,
    BankUnavailableError,
    FileTooLargeError,
    Listed,
    OutcomeUnknownError,
    Refused,
)
from payments.bank.providers.answers import read_answer

_TIMEOUT_SECONDS = 20.0
_PAUSE_SECONDS = 0.2
_MAXIMUM_RECEIPT = 100_000
_FAULTS = (paramiko.SSHException, OSError, EOFError)
_KINDS = {"IR": "input_report", "ARUCS": "arucs", "AWACS": "awacs", "PSR": "pain.002"}


class HostKeyError(paramiko.SSHException):
    """Whoever answers is not the bank that is pinned."""


@dataclass(frozen=True)
class SftpAccess:
    """How to reach a bank's server; folders are its own.

    ``host_key_file`` holds the bank's public keys, one a line as OpenSSH writes them. A bank that
    gives no receipts has a file as soon as it is renamed.
    """

    host: str
    port: int
    username: str
    key_file: Path
    host_key_file: Path
    receipts: bool = True
    receipt_seconds: float = 10.0
    submissions: str = "submissions"
    receipts_folder: str = "receipts"
    reports: str = "reports"
    statements: str = "statements"


class SftpBank:
    """Speaks to one bank; every call is a connection of its own."""

    def __init__(self, access: SftpAccess) -> None:
        self._access = access

    def submit(self, submission_id: str, content: Content) -> Acknowledged | Refused | None:
        """Hand over a file; None when it certainly was not handed over.

        Raises:
            OutcomeUnknownError: the bank has the file, or may have it, and has not answered.
        """
        is_renaming = False
        name = f"{submission_id}.{content.suffix}"
        try:
            with self._connect() as sftp:
                place = f"{self._access.submissions}/{name}"
                if (answer := self._receipt(sftp, submission_id, content)) is not None:
                    return answer
                present = _size(sftp, place)
                if present is None:
                    part = self._upload(sftp, name, content)
                    is_renaming = True
                    sftp.posix_rename(part, place)
                elif present != content.size:
                    raise OutcomeUnknownError("another file lies under this name")
                is_renaming = True
                return self._await_receipt(sftp, submission_id, content)
        except _FAULTS as error:
            if is_renaming:
                raise OutcomeUnknownError(type(error).__name__) from error
            return None

    def ask(self, submission_id: str, content: Content) -> Acknowledged | Refused | None:
        """Look for a receipt; None only when our own unfinished file proves that nothing was sent.

        A file that is nowhere may have been taken: that is for the report or for two people.

        Raises:
            OutcomeUnknownError: there is no receipt (yet).
        """
        name = f"{submission_id}.{content.suffix}"
        try:
            with self._connect() as sftp:
                if (answer := self._receipt(sftp, submission_id, content)) is not None:
                    return answer
                if _size(sftp, f"{self._access.submissions}/{name}") is not None:
                    return self._without_receipt(submission_id)
                if _size(sftp, self._part(name)) is not None:
                    return None
        except _FAULTS as error:
            raise OutcomeUnknownError(type(error).__name__) from error
        raise OutcomeUnknownError("the bank shows no receipt")

    def list_reports(self) -> list[Listed]:
        """Return the reports kept for us, in order of their names."""
        names = self._list(self._access.reports)
        return [Listed(name, _KINDS.get(name.partition("-")[0], "report")) for name in names]

    def get_report(self, report_id: str) -> bytes:
        """Return a report byte for byte."""
        return self._get(f"{self._access.reports}/{_plain(report_id)}")

    def list_statements(self, sort_code: str, account_number: str) -> list[Listed]:
        """Return the statements of an account, in order of their names."""
        account = f"{sort_code}{account_number}"
        names = self._list(f"{self._access.statements}/{account}")
        return [Listed(f"{account}:{name}", "statement") for name in names]

    def get_statement(self, statement_id: str) -> bytes:
        """Return a statement byte for byte; its id begins with its account."""
        account, _, name = statement_id.partition(":")
        return self._get(f"{self._access.statements}/{_plain(account)}/{_plain(name)}")

    @contextmanager
    def _connect(self) -> Iterator[paramiko.SFTPClient]:
        access = self._access
        transport = paramiko.Transport((access.host, access.port))
        try:
            transport.banner_timeout = transport.auth_timeout = _TIMEOUT_SECONDS
            transport.start_client(timeout=_TIMEOUT_SECONDS)
            self._check_host(transport.get_remote_server_key())
            key = paramiko.PKey.from_path(access.key_file)
            transport.auth_publickey(access.username, key)
            sftp = paramiko.SFTPClient.from_transport(transport)
            if sftp is None:
                raise paramiko.SSHException("the bank opens no SFTP channel")
            channel = sftp.get_channel()
            if channel is not None:
                channel.settimeout(_TIMEOUT_SECONDS)
            yield sftp
        finally:
            transport.close()

    def _check_host(self, key: paramiko.PKey) -> None:
        lines = self._access.host_key_file.read_text(encoding="ascii").splitlines()
        pinned = [tuple(line.split()[:2]) for line in lines if line.strip()]
        if (key.get_name(), key.get_base64()) not in pinned:
            raise HostKeyError("the server's key is not the pinned one")

    def _part(self, name: str) -> str:
        return f"{self._access.submissions}/.{name}.part"

    def _upload(self, sftp: paramiko.SFTPClient, name: str, content: Content) -> str:
        part = self._part(name)
        with sftp.open(part, "wb") as file:
            file.set_pipelined(True)
            for chunk in content.chunks():
                file.write(chunk)
        if _size(sftp, part) != content.size:
            raise paramiko.SSHException("the file did not arrive whole")
        return part

    def _await_receipt(
        self, sftp: paramiko.SFTPClient, submission_id: str, content: Content
    ) -> Acknowledged | Refused:
        if not self._access.receipts:
            return self._without_receipt(submission_id)
        until = time.monotonic() + self._access.receipt_seconds
        while True:
            answer = self._receipt(sftp, submission_id, content)
            if answer is not None:
                return answer
            if time.monotonic() >= until:
                raise OutcomeUnknownError("the bank has the file and gives no receipt yet")
            time.sleep(_PAUSE_SECONDS)

    def _without_receipt(self, submission_id: str) -> Acknowledged:
        if self._access.receipts:
            raise OutcomeUnknownError("the bank has the file and gives no receipt yet")
        return Acknowledged(f"sftp {submission_id}")

    def _receipt(
        self, sftp: paramiko.SFTPClient, submission_id: str, content: Content
    ) -> Acknowledged | Refused | None:
        if not self._access.receipts:
            return None
        try:
            with sftp.open(f"{self._access.receipts_folder}/{submission_id}.json", "rb") as file:
                told = json.loads(file.read(_MAXIMUM_RECEIPT))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise OutcomeUnknownError("a receipt of unknown shape") from error
        return read_answer(told, submission_id, content)

    def _list(self, folder: str) -> list[str]:
        try:
            with self._connect() as sftp:
                return sorted(sftp.listdir(folder))
        except FileNotFoundError:
            return []
        except _FAULTS as error:
            raise BankUnavailableError(f"{folder}: {type(error).__name__}") from error

    def _get(self, place: str) -> bytes:
        try:
            with self._connect() as sftp, sftp.open(place, "rb") as file:
                size = file.stat().st_size or 0
                if size > MAXIMUM_FILE_BYTES:
                    raise FileTooLargeError
                file.prefetch(size)
                # The bank may go on writing: what it says now of the size is no bound.
                content = bytes(file.read(MAXIMUM_FILE_BYTES + 1))
                if len(content) > MAXIMUM_FILE_BYTES:
                    raise FileTooLargeError
                return content
        except _FAULTS as error:
            raise BankUnavailableError(f"{place}: {type(error).__name__}") from error


def _size(sftp: paramiko.SFTPClient, place: str) -> int | None:
    try:
        return sftp.stat(place).st_size
    except FileNotFoundError:
        return None


def _plain(name: str) -> str:
    """Return a file's name; refuses one that leads elsewhere."""
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        raise BankUnavailableError("a name that no file of the bank has")
    return name
