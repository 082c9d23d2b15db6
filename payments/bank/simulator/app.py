"""The bank's doors: submissions, reports and statements over HTTP, its day, its faults, a page."""

import sqlite3
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Body, FastAPI, Header, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel, Field

from payments.bank.simulator import clearing
from payments.bank.simulator.reports import pounds
from payments.bank.simulator.store import Store, open_account, today

_HERE = Path(__file__).parent
_DEMO_ACCOUNTS = _HERE.parents[2] / "deploy" / "demo" / "accounts.yaml"
_HTML = Environment(loader=FileSystemLoader(_HERE), autoescape=True)
_MAXIMUM_SECONDS = 60


class Fault(BaseModel):
    """A misbehaviour for the next submissions that come."""

    kind: Literal["accept_then_drop", "refuse", "slow", "time_out_before"]
    times: int = Field(1, ge=0, le=1000)
    seconds: float = Field(0.0, ge=0, le=_MAXIMUM_SECONDS)


class Movement(BaseModel):
    """Somebody else's money at a customer's account; negative pence go out."""

    sort_code: str = Field(pattern="^[0-9]{6}$")
    account_number: str = Field(pattern="^[0-9]{8}$")
    pence: int
    reference: str = Field(max_length=18)


def make_app(
    state_dir: Path, accounts_file: Path | None = None, first_day: date | None = None
) -> FastAPI:
    """Return the simulated bank, whose truth lives in ``state_dir``.

    ``accounts_file`` lists accounts with their fate; the demo's list when none is given. A fresh
    bank begins on ``first_day``, today when none is given.
    """
    store = Store(state_dir / "bank.sqlite3", first_day)
    accounts = accounts_file or _DEMO_ACCOUNTS
    app = FastAPI(title="Simulated bank", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_submissions(store, accounts))
    app.include_router(_files(store))
    app.include_router(_admin(store, accounts))
    return app


def _answer(row: sqlite3.Row) -> Response:
    known = {"submission_id": row["id"], "sha256": row["sha256"], "status": row["status"]}
    if row["status"] == "refused":
        known |= {"code": row["code"], "reason": row["reason"]}
        return JSONResponse(known, status_code=422)
    return JSONResponse(known | {"reference": row["reference"]}, status_code=202)


def _submissions(store: Store, accounts: Path) -> APIRouter:
    router = APIRouter()

    @router.post("/submissions")
    def submit(
        content: Annotated[bytes, Body(media_type="text/plain")],
        idempotency_key: Annotated[str, Header(min_length=1, max_length=64)],
    ) -> Response:
        fault = _next_fault(store)
        kind = fault["kind"] if fault is not None else ""
        if fault is not None:
            time.sleep(fault["seconds"])
        if kind == "refuse":
            return JSONResponse(
                {"status": "refused", "code": "CLOSED", "reason": "the bank takes no files now"},
                status_code=422,
            )
        if kind == "time_out_before":
            return _dropped()
        with store.work() as connection:
            row = clearing.receive(connection, idempotency_key, content, accounts)
        return _dropped() if kind == "accept_then_drop" else _answer(row)

    @router.get("/submissions/{identification}")
    def get_submission(identification: str) -> Response:
        with store.work() as connection:
            row = clearing.find(connection, identification)
        return Response(status_code=404) if row is None else _answer(row)

    return router


def _next_fault(store: Store) -> sqlite3.Row | None:
    with store.work() as connection:
        row: sqlite3.Row | None = connection.execute(
            "DELETE FROM fault WHERE rowid = (SELECT min(rowid) FROM fault) RETURNING *"
        ).fetchone()
    return row


def _dropped() -> Response:
    def broken() -> Iterator[bytes]:
        yield b"{"
        raise ConnectionResetError("the simulated line went dead")

    return StreamingResponse(broken(), headers={"Content-Length": "100"})


def _files(store: Store) -> APIRouter:
    router = APIRouter()

    @router.get("/reports")
    def list_reports() -> Response:
        with store.work() as connection:
            rows = connection.execute("SELECT id, kind, day FROM report ORDER BY rowid").fetchall()
        return JSONResponse({"reports": [dict(row) for row in rows]})

    @router.get("/reports/{identification}")
    def get_report(identification: str) -> Response:
        return _file(store, "SELECT content FROM report WHERE id = ?", identification)

    @router.get("/statements")
    def list_statements(account: str) -> Response:
        with store.work() as connection:
            rows = connection.execute(
                "SELECT id, day, sequence FROM statement WHERE sort_code || account = ?"
                " ORDER BY sequence",
                (account,),
            ).fetchall()
        return JSONResponse({"statements": [dict(row) for row in rows]})

    @router.get("/statements/{identification}")
    def get_statement(identification: str) -> Response:
        return _file(store, "SELECT content FROM statement WHERE id = ?", identification)

    return router


def _file(store: Store, query: str, identification: str) -> Response:
    with store.work() as connection:
        row = connection.execute(query, (identification,)).fetchone()
    if row is None:
        return Response(status_code=404)
    return Response(row["content"], media_type="application/xml")


def _admin(store: Store, accounts: Path) -> APIRouter:
    router = APIRouter()

    @router.post("/admin/days/advance")
    def advance() -> Response:
        with store.work() as connection:
            day = clearing.advance(connection, accounts)
        return JSONResponse({"day": day.isoformat()})

    @router.get("/admin/day")
    def get_day() -> Response:
        with store.work() as connection:
            return JSONResponse({"day": today(connection).isoformat()})

    @router.post("/admin/faults", status_code=204)
    def add_fault(fault: Fault) -> None:
        with store.work() as connection:
            connection.executemany(
                "INSERT INTO fault VALUES (?, ?)", [(fault.kind, fault.seconds)] * fault.times
            )

    @router.post("/admin/movements", status_code=204)
    def add_movement(movement: Movement) -> None:
        account = (movement.sort_code, movement.account_number)
        with store.work() as connection:
            open_account(connection, *account, "CUSTOMER")
            clearing.add_movement(connection, account, movement.pence, movement.reference)

    @router.get("/admin/truth")
    def get_truth() -> Response:
        """Tell how much money reached whom, to compare with the books of others."""
        with store.work() as connection:
            rows = connection.execute(
                "SELECT reference, status, sum(pence) AS pence, count(*) AS count FROM item"
                " GROUP BY 1, 2 ORDER BY 1, 2"
            ).fetchall()
        return JSONResponse({"items": [dict(row) for row in rows]})

    @router.post("/next-day")
    def next_day() -> Response:
        with store.work() as connection:
            clearing.advance(connection, accounts)
        return RedirectResponse("/", status_code=303)

    @router.get("/")
    def show() -> HTMLResponse:
        with store.work() as connection:
            return HTMLResponse(_HTML.get_template("page.html").render(_overview(connection)))

    return router


def _overview(connection: sqlite3.Connection) -> dict[str, object]:
    held = []
    for row in connection.execute("SELECT * FROM account ORDER BY 1, 2").fetchall():
        listed = connection.execute(
            "SELECT id FROM statement WHERE sort_code = ? AND account = ? ORDER BY sequence",
            (row["sort_code"], row["number"]),
        ).fetchall()
        names = [one["id"] for one in listed]
        held.append(dict(row) | {"balance": pounds(row["balance"]), "statements": names})
    submissions = connection.execute(
        "SELECT s.*, count(i.line) AS items, coalesce(sum(i.pence), 0) AS total FROM submission s"
        " LEFT JOIN item i ON i.submission = s.id GROUP BY s.id ORDER BY s.rowid DESC"
    ).fetchall()
    return {
        "day": today(connection).strftime("%A %d %B %Y"),
        "accounts": held,
        "submissions": [dict(row) | {"total": pounds(row["total"])} for row in submissions],
        "reports": [row["id"] for row in connection.execute("SELECT id FROM report").fetchall()],
    }
