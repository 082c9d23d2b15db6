"""The bank's doors: submissions, reports and statements over HTTP, its day, its faults, a page."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Form, Header, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel, Field

from payments.bank.simulator import clearing
from payments.bank.simulator.desk import FAULT_TEXTS, Answer, Desk, hash_file
from payments.bank.simulator.reports import pounds
from payments.bank.simulator.statements import FORMATS, write_statement
from payments.bank.simulator.store import Store, open_account, today

_HERE = Path(__file__).parent
_DEMO_ACCOUNTS = _HERE.parents[2] / "deploy" / "demo" / "accounts.yaml"
_HTML = Environment(loader=FileSystemLoader(_HERE), autoescape=True)
_MAXIMUM_SECONDS = 60
_MAXIMUM_BYTES = 2_000_000_000
_SHOWN = 100
FaultKind = Literal[
    "accept_then_drop",
    "refuse",
    "slow",
    "time_out_before",
    "duplicate_ack",
    "ack_before_commit",
    "ack_unknown_id",
    "report_total_differs",
    "late_return",
]


class Fault(BaseModel):
    """A misbehaviour for the next occasions."""

    kind: FaultKind
    times: int = Field(1, ge=0, le=1000)
    seconds: float = Field(0.0, ge=0, le=_MAXIMUM_SECONDS)


class Movement(BaseModel):
    """Somebody else's money at a customer's account; negative pence go out."""

    sort_code: str = Field(pattern="^[0-9]{6}$")
    account_number: str = Field(pattern="^[0-9]{8}$")
    pence: int
    reference: str = Field(max_length=18)


class Recall(BaseModel):
    """Credits that the remitter asks back, by their reference or end-to-end id."""

    reference: str = Field(min_length=1, max_length=35)


class Outage(BaseModel):
    """Whether the bank is closed to its customers."""

    away: bool


def make_desk(
    state_dir: Path, accounts_file: Path | None = None, first_day: date | None = None
) -> Desk:
    """Return the bank's counter, whose truth lives in ``state_dir``."""
    return Desk(Store(state_dir / "bank.sqlite3", first_day), accounts_file or _DEMO_ACCOUNTS)


def make_app(
    state_dir: Path, accounts_file: Path | None = None, first_day: date | None = None
) -> FastAPI:
    """Return the simulated bank, whose truth lives in ``state_dir``.

    ``accounts_file`` lists accounts with their fate; the demo's list when none is given. A fresh
    bank begins on ``first_day``, today when none is given.
    """
    desk = make_desk(state_dir, accounts_file, first_day)
    app = FastAPI(title="Simulated bank", docs_url=None, redoc_url=None, openapi_url=None)
    is_open = [Depends(_open_only(desk))]
    app.include_router(_submissions(desk), dependencies=is_open)
    app.include_router(_files(desk.store), dependencies=is_open)
    app.include_router(_admin(desk))
    app.include_router(_page(desk))
    return app


def _open_only(desk: Desk) -> Callable[[], None]:
    def check() -> None:
        if desk.is_away():
            raise HTTPException(503, "the bank is closed")

    return check


def _submissions(desk: Desk) -> APIRouter:
    router = APIRouter()

    # Asynchronous because only so a body can be read piece by piece.
    @router.post("/submissions")
    async def submit(
        request: Request,
        idempotency_key: Annotated[str, Header(min_length=1, max_length=64)],
        payment_rail: Annotated[Literal["", "faster_payments"], Header()] = "",
    ) -> Response:
        with NamedTemporaryFile(dir=desk.store.files, delete=False) as kept:
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > _MAXIMUM_BYTES:
                    raise HTTPException(413)
                kept.write(chunk)
        path = Path(kept.name)
        sha256 = await run_in_threadpool(hash_file, path)
        answer = await run_in_threadpool(desk.submit, idempotency_key, path, sha256, payment_rail)
        await run_in_threadpool(path.replace, desk.store.files / sha256)
        return _http(answer)

    @router.get("/submissions/{identification}")
    def get_submission(identification: str) -> Response:
        answer = desk.ask(identification)
        return Response(status_code=404) if answer is None else _http(answer)

    return router


def _http(answer: Answer) -> Response:
    return _dropped() if answer.is_dropped else JSONResponse(answer.body, answer.status)


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
    def get_statement(identification: str, format: str = "camt.053") -> Response:  # noqa: A002 - its name in the address
        if format not in FORMATS:
            raise HTTPException(404)
        with store.work() as connection:
            content = write_statement(connection, identification, format)
        if content is None:
            return Response(status_code=404)
        media = "application/xml" if format.startswith("camt") else "text/plain; charset=utf-8"
        return Response(content, media_type=media)

    return router


def _file(store: Store, query: str, identification: str) -> Response:
    with store.work() as connection:
        row = connection.execute(query, (identification,)).fetchone()
    if row is None:
        return Response(status_code=404)
    return Response(row["content"], media_type="application/xml")


def _admin(desk: Desk) -> APIRouter:
    router = APIRouter()
    store = desk.store

    @router.post("/admin/days/advance")
    def advance() -> Response:
        return JSONResponse({"day": desk.advance().isoformat()})

    @router.get("/admin/day")
    def get_day() -> Response:
        with store.work() as connection:
            return JSONResponse({"day": today(connection).isoformat()})

    @router.post("/admin/faults", status_code=204)
    def add_fault(fault: Fault) -> None:
        desk.order_fault(fault.kind, fault.times, fault.seconds)

    @router.post("/admin/outage", status_code=204)
    def set_outage(outage: Outage) -> None:
        desk.set_away(away=outage.away)

    @router.post("/admin/recalls")
    def recall(wanted: Recall) -> Response:
        with store.work() as connection:
            return JSONResponse({"recalled": clearing.recall(connection, wanted.reference)})

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

    return router


def _page(desk: Desk) -> APIRouter:
    router = APIRouter()
    home = RedirectResponse("/", status_code=303)

    @router.get("/")
    def show() -> HTMLResponse:
        with desk.store.work() as connection:
            values = _overview(connection)
        away = desk.is_away()
        return HTMLResponse(
            _HTML.get_template("page.html").render(
                values, away=away, fault_texts=FAULT_TEXTS, formats=FORMATS
            )
        )

    @router.post("/next-day")
    def next_day() -> Response:
        desk.advance()
        return home

    @router.post("/order-fault")
    def order_fault(
        kind: Annotated[FaultKind, Form()], times: Annotated[int, Form(ge=1, le=1000)] = 1
    ) -> Response:
        desk.order_fault(kind, times, 25.0 if kind == "slow" else 0.0)
        return home

    @router.post("/order-outage")
    def order_outage(away: Annotated[bool, Form()]) -> Response:
        desk.set_away(away=away)
        return home

    @router.post("/order-recall")
    def order_recall(reference: Annotated[str, Form(min_length=1, max_length=35)]) -> Response:
        with desk.store.work() as connection:
            clearing.recall(connection, reference)
        return home

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
        "SELECT * FROM submission ORDER BY rowid DESC LIMIT ?", (_SHOWN,)
    ).fetchall()
    faults = connection.execute(
        "SELECT kind, count(*) AS times FROM fault GROUP BY kind ORDER BY min(rowid)"
    ).fetchall()
    listed = connection.execute(
        "SELECT id FROM report ORDER BY rowid DESC LIMIT ?", (_SHOWN,)
    ).fetchall()
    return {
        "day": today(connection).strftime("%A %d %B %Y"),
        "accounts": held,
        "submissions": [dict(row) | {"total": pounds(row["pence"])} for row in submissions],
        "reports": [row["id"] for row in listed],
        "faults": [dict(row) for row in faults],
    }
