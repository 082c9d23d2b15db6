"""The simulated provider of calls: takes what to read aloud, says how each call went."""

import secrets
from pathlib import Path

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from notifications.channels.simulator.texts import TEXTS_FILE, TextStore

_KEY = "voice-demonstration-key"
_STATUSES = {"delivered": "completed", "missed": "no-answer", "unreachable": "unreachable"}


class _Call(BaseModel):
    sender: str = Field(alias="from", max_length=20)
    to: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")
    language: str = Field(max_length=5)
    say: str = Field(min_length=1, max_length=2000)


def make_voice_app(state_dir: Path) -> FastAPI:
    """Return the provider over the store that the inbox shows."""
    store = TextStore(state_dir / TEXTS_FILE)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def show_status() -> JSONResponse:
        """Say that the provider is here."""
        return JSONResponse({"simulator": "calls"})

    def start_call(call: _Call, request: Request) -> JSONResponse:
        """Call a number; the same Idempotency-Key calls once."""
        if not _may(request):
            return JSONResponse({"error": "unauthorized"}, 401)
        fault = store.fault()
        if fault in ("refuse", "later"):
            return JSONResponse({"error": fault}, 400 if fault == "refuse" else 503)
        number = store.add(
            "voice",
            call.sender,
            call.to,
            call.say,
            status="delivered" if fault == "none" else fault,
            key=request.headers.get("Idempotency-Key"),
        )
        return JSONResponse({"id": str(number), "status": "in-progress"}, 201)

    def read_call(number: int, request: Request) -> JSONResponse:
        """Return how a call went."""
        if not _may(request):
            return JSONResponse({"error": "unauthorized"}, 401)
        call = store.get(number)
        if call is None or call.channel != "voice":
            return JSONResponse({"error": "not found"}, 404)
        return JSONResponse({"id": str(number), "status": _STATUSES[call.status]})

    app.get("/")(show_status)
    app.post("/calls")(start_call)
    app.get("/calls/{number}")(read_call)
    return app


def _may(request: Request) -> bool:
    given = request.headers.get("Authorization", "")
    return secrets.compare_digest(given.encode(), f"Bearer {_KEY}".encode())
