"""Single entries from many requests at once: collected, posted as one batch, answered one by one.

Adding clients with a transaction each makes a hot account slower, not faster (ledger contract 1.6).
Here a process has at most two transactions open; whoever comes meanwhile shares the next one. What
is refused is refused before the insert, and alone.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from payments.ledger.actions import Posted, post_entries
from payments.ledger.rules import EntryDraft, check_drafts
from shared.db import Database
from shared.errors import Conflict, Problem
from shared.ids import new_id

_PURPOSE = "single postings"
_PAIR = 2
_POST = text(
    """
    SELECT json_agg(json_build_array(n, entry_id, outcome))
      FROM post_singles(:body, :batch, :purpose, cast(:ids AS uuid[]),
      cast(:types AS text[]), cast(:events AS text[]), cast(:days AS date[]),
      cast(:debits AS text[]), cast(:credits AS text[]), cast(:pence AS bigint[]),
      cast(:hashes AS bytea[]))
    """
)
Answer = Posted | Problem


@dataclass
class _Request:
    body: str
    draft: EntryDraft
    digest: bytes
    came_at: float
    future: "Future[Posted]" = field(default_factory=Future)


class CoalescingWriter:
    """Posts single entries for many threads: up to ``most`` or so many seconds make a batch.

    At most ``lanes`` transactions are open at a time. With nobody else about, a request does not
    wait for company.
    """

    def __init__(
        self, database: Database, *, most: int = 100, wait_seconds: float = 0.005, lanes: int = 2
    ) -> None:
        self._database = database
        self._most = most
        self._wait_seconds = wait_seconds
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        self._busy = 0
        self._closed = False
        self._lanes = [threading.Thread(target=self._run, daemon=True) for _ in range(lanes)]
        for lane in self._lanes:
            lane.start()

    def submit(self, body: str, draft: EntryDraft) -> "Future[Posted]":
        """Ask for an entry; the future is answered after its batch has been committed.

        Raises:
            Invalid: the draft does not balance.
            RuntimeError: the writer is closed.
        """
        check_drafts([draft])
        request = _Request(body, draft, draft.request_hash, time.monotonic())
        with self._changed:
            if self._closed:
                raise RuntimeError("the writer is closed")
            self._waiting.append(request)
            if len(self._waiting) in (1, self._most):
                self._changed.notify()
        return request.future

    def post(self, body: str, draft: EntryDraft, timeout_seconds: float = 30) -> Posted:
        """Post one entry and return it, as ``post_entries`` does and refuses."""
        return self.submit(body, draft).result(timeout_seconds)

    def close(self) -> None:
        """Post what waits, then stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for lane in self._lanes:
            lane.join()

    def _run(self) -> None:
        while batch := self._collect():
            try:
                self._post(batch)
            except Exception as error:  # noqa: BLE001 - each who waits is told, none waits for ever
                for request in batch:
                    if not request.future.done():
                        request.future.set_exception(error)
            with self._changed:
                self._busy -= 1
                self._changed.notify()

    def _collect(self) -> list[_Request]:
        """Return the next batch, of one body; empty when the writer is closed and nothing waits."""
        with self._changed:
            while not self._is_due():
                if self._closed and not self._waiting:
                    self._changed.notify_all()
                    return []
                self._changed.wait(self._pause())
            body = self._waiting[0].body
            batch: list[_Request] = []
            while self._waiting and len(batch) < self._most and self._waiting[0].body == body:
                batch.append(self._waiting.popleft())
            self._busy += 1
            if self._waiting:
                self._changed.notify()
            return batch

    def _is_due(self) -> bool:
        if not self._waiting:
            return False
        return not self._busy or len(self._waiting) >= self._most or self._pause() == 0

    def _pause(self) -> float | None:
        if not self._waiting:
            return None
        return max(0.0, self._waiting[0].came_at + self._wait_seconds - time.monotonic())

    def _post(self, batch: Sequence[_Request]) -> None:
        together: dict[tuple[str, str, int], _Request] = {}
        alone = []
        for request in batch:
            if _is_simple(request.draft) and request.draft.key not in together:
                together[request.draft.key] = request
            else:
                alone.append(request)
        body, requests = batch[0].body, list(together.values())
        try:
            rows = self._ask(body, requests)
        except psycopg.Error:
            # One of them cannot be booked in a way that only the checks knew: each on its own.
            alone = [*requests, *alone]
        else:
            for number, entry_id, outcome in rows:
                request = requests[number - 1]
                if outcome == "alone":
                    alone.append(request)
                else:
                    _answer(request, _read(request.draft, entry_id, outcome))
        for request in alone:
            _answer(request, self._book_one(body, request.draft))

    def _ask(self, body: str, requests: Sequence[_Request]) -> list[tuple[int, str, str]]:
        if not requests:
            return []
        values = _values(body, requests)
        rows: list[tuple[int, str, str]] = self._database.quick.execute(_POST, values).scalar_one()
        return rows

    def _book_one(self, body: str, draft: EntryDraft) -> Answer:
        try:
            with self._database.transaction() as session:
                return post_entries(session, body, [draft], _PURPOSE)[0]
        except Problem as problem:
            return problem
        except (DBAPIError, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            state = getattr(cause, "sqlstate", None) or ""
            if state.startswith("LG"):
                return Conflict(f"ledger_{state.lower()}", str(cause).split("\n", 1)[0])
            raise


def _is_simple(draft: EntryDraft) -> bool:
    """Tell whether an entry is a plain transfer, as nearly all single ones are."""
    return (
        len(draft.lines) == _PAIR
        and draft.kind == "posted"
        and draft.currency == "GBP"
        and draft.rule_version == 1
        and draft.lines[0].amount_pence > 0
        and not any(line.pending for line in draft.lines)
    )


def _values(body: str, requests: Sequence[_Request]) -> dict[str, object]:
    drafts = [request.draft for request in requests]
    return {
        "body": body,
        "batch": new_id(),
        "purpose": _PURPOSE,
        "ids": _array([str(draft.id) for draft in drafts]),
        "types": _array([draft.event_type for draft in drafts]),
        "events": _array([draft.event_id for draft in drafts]),
        "days": _array([draft.effective_on.isoformat() for draft in drafts]),
        "debits": _array([draft.lines[0].account for draft in drafts]),
        "credits": _array([draft.lines[1].account for draft in drafts]),
        "pence": _array([str(draft.lines[0].amount_pence) for draft in drafts]),
        "hashes": [request.digest for request in requests],
    }


def _array(values: list[str]) -> str | list[str]:
    """Return an array as PostgreSQL reads it; joined at once where nothing in it needs quoting."""
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        return values
    return f'{{"{joined}"}}'


def _read(draft: EntryDraft, entry_id: str, outcome: str) -> Answer:
    if outcome in ("posted", "replay"):
        return Posted(UUID(entry_id), replay=outcome == "replay")
    if outcome == "bound":
        codes = " or ".join(line.account for line in draft.lines)
        return Conflict("bound_passed", f"The bound of {codes} would be passed")
    name = f"{draft.event_type} {draft.event_id}"
    return Conflict(f"exists_with_different_{outcome}", f"{name} is booked with another {outcome}")


def _answer(request: _Request, answer: Answer) -> None:
    if isinstance(answer, Problem):
        request.future.set_exception(answer)
    else:
        request.future.set_result(answer)
