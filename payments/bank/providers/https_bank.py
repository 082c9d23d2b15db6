"""A bank reached over HTTPS: files in the body, our submission id as the idempotency key."""

from functools import cache
from urllib.parse import quote

import httpx

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
from shared.http import make_http

_TIMEOUT_SECONDS = 20.0
_MAXIMUM_LISTED = 100_000
# A bank that takes a large file needs longer for its answer.
_BYTES_A_SECOND = 1_000_000
_TYPES = {"txt": "text/plain", "fps": "text/plain", "xml": "application/xml"}
# A Standard 18 file does not say that it is for Faster Payments.
_RAILS = {"fps": "faster_payments"}


class HttpsBank:
    """Speaks to one bank; answers that contradict what was sent count as unknown."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def submit(self, submission_id: str, content: Content) -> Acknowledged | Refused:
        """Hand over a file, streamed (see :class:`payments.bank.provider.Bank`)."""
        try:
            answer = self._http.post(
                "/submissions",
                content=content.chunks(),
                headers={
                    "Idempotency-Key": submission_id,
                    "Content-Type": _TYPES[content.suffix],
                    "Content-Length": str(content.size),
                    "Payment-Rail": _RAILS.get(content.suffix, ""),
                },
                timeout=(self._http.timeout.read or _TIMEOUT_SECONDS)
                + content.size / _BYTES_A_SECOND,
            )
        except httpx.HTTPError as error:
            raise OutcomeUnknownError(type(error).__name__) from error
        return _judge(answer, submission_id, content)

    def ask(self, submission_id: str, content: Content) -> Acknowledged | Refused | None:
        """Ask what became of a submission (see :class:`payments.bank.provider.Bank`)."""
        try:
            answer = self._http.get(f"/submissions/{quote(submission_id, safe='')}")
        except httpx.HTTPError as error:
            raise OutcomeUnknownError(type(error).__name__) from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        return _judge(answer, submission_id, content)

    def list_reports(self) -> list[Listed]:
        """Return the reports kept for us, oldest first."""
        return self._list("/reports", "reports", {})

    def get_report(self, report_id: str) -> bytes:
        """Return a report byte for byte."""
        return self._read(f"/reports/{quote(report_id, safe='')}")

    def list_statements(self, sort_code: str, account_number: str) -> list[Listed]:
        """Return the statements of an account, oldest first."""
        return self._list("/statements", "statements", {"account": sort_code + account_number})

    def get_statement(self, statement_id: str) -> bytes:
        """Return a statement byte for byte."""
        return self._read(f"/statements/{quote(statement_id, safe='')}")

    def advance_day(self) -> str:
        """Move a simulated bank to its next day, and return it; a real bank refuses.

        Raises:
            BankUnavailableError: this bank's days cannot be moved.
        """
        try:
            answer = self._http.post("/admin/days/advance")
            answer.raise_for_status()
            return str(answer.json()["day"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise BankUnavailableError("this bank's day cannot be moved") from error

    def _read(self, path: str) -> bytes:
        """Return a file, read in pieces: one that is too large is left, wherever it is so."""
        kept = bytearray()
        try:
            with self._http.stream("GET", path) as answer:
                answer.raise_for_status()
                for piece in answer.iter_bytes():
                    kept += piece
                    if len(kept) > MAXIMUM_FILE_BYTES:
                        raise FileTooLargeError
        except httpx.HTTPError as error:
            raise BankUnavailableError(f"{path}: {type(error).__name__}") from error
        return bytes(kept)

    def _get(self, path: str, query: dict[str, str]) -> httpx.Response:
        try:
            answer = self._http.get(path, params=query)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise BankUnavailableError(f"{path}: {type(error).__name__}") from error
        return answer

    def _list(self, path: str, member: str, query: dict[str, str]) -> list[Listed]:
        answer = self._get(path, query)
        try:
            rows = answer.json()[member]
            return [
                Listed(str(row["id"]), str(row.get("kind", "statement")))
                for row in rows[:_MAXIMUM_LISTED]
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BankUnavailableError(f"{path}: an answer without {member}") from error


def _judge(answer: httpx.Response, submission_id: str, content: Content) -> Acknowledged | Refused:
    try:
        told = answer.json()
    except ValueError as error:
        raise OutcomeUnknownError("an answer of unknown shape") from error
    if answer.status_code not in (httpx.codes.ACCEPTED, httpx.codes.UNPROCESSABLE_ENTITY):
        raise OutcomeUnknownError(f"status {answer.status_code}")
    return read_answer(told, submission_id, content)


@cache
def bank_at(url: str) -> HttpsBank:
    """Return the bank behind an address; connections are shared within the process."""
    return HttpsBank(make_http(_TIMEOUT_SECONDS, base_url=url))
