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
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.ledger.actions import Posted, post_entries
from payments.ledger.batches import Place, find_places, insert_batch, list_known, lock_bounds
from payments.ledger.places import find_period_ids
from payments.ledger.rules import EntryDraft, check_drafts
from shared.db import Database
from shared.errors import Conflict, FieldError, Invalid, Problem
from shared.ids import new_id

_PURPOSE = "single postings"
Answer = Posted | Problem


@dataclass
class _Request:
    body: str
    draft: EntryDraft
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
        self._places: dict[tuple[str, str], Place] = {}
        self._periods: dict[tuple[str, date], UUID] = {}
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
        request = _Request(body, draft, time.monotonic())
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
        body, drafts = batch[0].body, {}
        twice = []
        for request in batch:
            if request.draft.key in drafts:
                twice.append(request)
            else:
                drafts[request.draft.key] = request.draft
        answers = self._book(body, list(drafts.values()))
        for request in batch:
            if request not in twice:
                _answer(request, answers[request.draft.key])
        for request in twice:
            _answer(request, self._book_one(body, request.draft))

    def _book(self, body: str, drafts: Sequence[EntryDraft]) -> dict[tuple[str, str, int], Answer]:
        try:
            with self._database.transaction() as session:
                return self._book_together(session, body, drafts)
        except (DBAPIError, psycopg.Error, Problem):
            # One of them cannot be booked in a way that only the database knew: each on its own.
            self._places.clear()
            self._periods.clear()
            return {draft.key: self._book_one(body, draft) for draft in drafts}

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

    def _book_together(
        self, session: Session, body: str, drafts: Sequence[EntryDraft]
    ) -> dict[tuple[str, str, int], Answer]:
        places = self._find_places(session, body, drafts)
        answers: dict[tuple[str, str, int], Answer] = {}
        for key, known in list_known(session, body, drafts).items():
            answers[key] = known if isinstance(known, Conflict) else Posted(known, replay=True)
        open_drafts = [draft for draft in drafts if draft.key not in answers]
        good, refused = _check_room(session, open_drafts, places)
        answers |= refused
        if good:
            # Ids in the order of the insert keep the index of the primary key at its end.
            good = [replace(draft, id=new_id()) for draft in good]
            periods = self._find_periods(session, body, good)
            insert_batch(session, body, good, places, periods, _PURPOSE)
        answers |= {draft.key: Posted(draft.id, replay=False) for draft in good}
        return answers

    def _find_places(
        self, session: Session, body: str, drafts: Sequence[EntryDraft]
    ) -> dict[str, Place]:
        codes = {line.account for draft in drafts for line in draft.lines}
        if missing := [code for code in codes if (body, code) not in self._places]:
            found = find_places(session, body, missing)
            self._places |= {(body, code): place for code, place in found.items()}
        return {code: self._places[body, code] for code in codes if (body, code) in self._places}

    def _find_periods(
        self, session: Session, body: str, drafts: Sequence[EntryDraft]
    ) -> dict[date, UUID]:
        days = {draft.effective_on for draft in drafts}
        if missing := [day for day in days if (body, day) not in self._periods]:
            found = find_period_ids(session, body, missing)
            self._periods |= {(body, day): period for day, period in found.items()}
        return {day: self._periods[body, day] for day in days}


def _answer(request: _Request, answer: Answer) -> None:
    if isinstance(answer, Problem):
        request.future.set_exception(answer)
    else:
        request.future.set_result(answer)


def _check_room(
    session: Session, drafts: Sequence[EntryDraft], places: dict[str, Place]
) -> tuple[list[EntryDraft], dict[tuple[str, str, int], Answer]]:
    """Return the drafts that can be booked, in their order, and why the others cannot."""
    refused: dict[tuple[str, str, int], Answer] = {}
    good: list[EntryDraft] = []
    bounded = sorted({place.id for place in places.values() if place.bounded})
    room = lock_bounds(session, bounded) if bounded else {}
    for draft in drafts:
        if missing := [line.account for line in draft.lines if line.account not in places]:
            faults = [FieldError(code, "is not an account of this body") for code in missing]
            title = "The ledger does not know these accounts"
            refused[draft.key] = Invalid(*faults, code="no_such_account", title=title)
            continue
        moved = _moves(draft, places, room)
        if passed := [one for one, pence in moved.items() if room[one] + pence < 0 > pence]:
            code = next(code for code, place in places.items() if place.id == passed[0])
            refused[draft.key] = Conflict("bound_passed", f"The bound of {code} would be passed")
            continue
        for account, pence in moved.items():
            room[account] += pence
        good.append(draft)
    return good, refused


def _moves(draft: EntryDraft, places: dict[str, Place], room: dict[UUID, int]) -> dict[UUID, int]:
    """Return by how much each bound account's room changes; what is reserved takes room too."""
    moved: dict[UUID, int] = {}
    for line in draft.lines:
        place = places[line.account]
        if place.id not in room:
            continue
        pence = line.amount_pence if place.normal_side == "debit" else -line.amount_pence
        if line.pending and (pence > 0) == (draft.kind == "pending"):
            continue
        moved[place.id] = moved.get(place.id, 0) + pence
    return moved
