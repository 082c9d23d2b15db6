"""The simulated company's doors: the API that we order at, and the page a person is led to."""

import hmac
import time
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, Form, Header, HTTPException, Request
from jinja2 import Environment, FileSystemLoader, select_autoescape
from joserfc import jwt
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from starlette.responses import Response as Answer

from identity.verification.simulator.personas import PERSONAS, find_result
from identity.verification.simulator.store import Check, Store

DEMO_KEY = "document-check-demonstration-key"
SLOW_SECONDS = 20.0
DOWN_SECONDS = 30.0
_AUDIENCE = "clachan-identity"
_RESULT_SECONDS = 600
_HERE = Path(__file__).parent
_TEMPLATES = Environment(loader=FileSystemLoader(_HERE), autoescape=select_autoescape())


class _Person(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    given_name: str
    family_name: str
    birth_date: str
    address_lines: list[str]
    postcode: str


class _Order(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    person: _Person
    document: Literal["passport", "driving_permit"]
    return_url: str


def make_app(
    state_dir: Path,
    *,
    key: str = DEMO_KEY,
    public_url: str = "",
    slow_seconds: float = SLOW_SECONDS,
    down_seconds: float = DOWN_SECONDS,
) -> FastAPI:
    """Return the simulator.

    Args:
        state_dir: folder of its SQLite file.
        key: bearer key of its one customer.
        public_url: where people reach its pages; that of the request when empty.
        slow_seconds: how long the slow persona's check takes.
        down_seconds: how long the broken persona's check is out of order.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    store = Store(state_dir / "document_check.sqlite")
    desk = _Desk(store, key, {"slow": slow_seconds, "provider_down": down_seconds})
    _add_orders(app, store, desk, public_url)
    _add_results(app, store, desk)
    _add_pages(app, store)
    return app


class _Desk:
    """Where the customer's questions come in: who may ask, and how far a check is."""

    def __init__(self, store: Store, key: str, waits: dict[str, float]) -> None:
        self._store = store
        self._key = key
        self._waits = waits

    def check_key(self, authorization: str) -> None:
        """Refuse everybody but the customer."""
        if not hmac.compare_digest(authorization.encode(), f"Bearer {self._key}".encode()):
            raise HTTPException(401, "wrong key")

    def find(self, check_id: str, authorization: str) -> tuple[Check, bool]:
        """Return a check and whether it is complete; plays the fault that its persona asks for."""
        self.check_key(authorization)
        check = self._store.find(check_id)
        if check is None:
            raise HTTPException(404, "no such check")
        waited = time.time() - check.captured_at
        is_waiting = bool(check.persona) and waited < self._waits.get(check.persona, 0.0)
        if is_waiting and check.persona == "provider_down":
            raise HTTPException(503, "out of order")
        return check, bool(check.persona) and not is_waiting


def _add_orders(app: FastAPI, store: Store, desk: _Desk, public_url: str) -> None:
    @app.post("/checks", status_code=201)
    def order(
        request: Request,
        body: _Order,
        authorization: Annotated[str, Header()] = "",
        idempotency_key: Annotated[str, Header(max_length=100)] = "",
    ) -> dict[str, str]:
        """Take an order; the same key again gets the same check."""
        desk.check_key(authorization)
        check_id = store.add(
            idempotency_key, body.person.model_dump(by_alias=True), body.document, body.return_url
        )
        base = public_url.rstrip("/") or str(request.base_url).rstrip("/")
        return {"id": check_id, "capture_url": f"{base}/capture/{check_id}"}

    @app.get("/checks/{check_id}")
    def state(check_id: str, authorization: Annotated[str, Header()] = "") -> dict[str, str]:
        """Tell how far a check is."""
        check, is_complete = desk.find(check_id, authorization)
        waiting = "processing" if check.persona else "waiting_for_person"
        return {"id": check.id, "status": "complete" if is_complete else waiting}


def _add_results(app: FastAPI, store: Store, desk: _Desk) -> None:
    @app.get("/checks/{check_id}/result")
    def result(
        request: Request, check_id: str, authorization: Annotated[str, Header()] = ""
    ) -> Answer:
        """Return the signed result of a complete check."""
        check, is_complete = desk.find(check_id, authorization)
        if not is_complete:
            raise HTTPException(409, "not complete")
        signer = store.signing_key()
        signer.ensure_kid()
        now = int(time.time())
        claims = {
            "iss": str(request.base_url).rstrip("/"),
            "aud": _AUDIENCE,
            "sub": check.id,
            "iat": now,
            "exp": now + _RESULT_SECONDS,
            **find_result(check),
        }
        token = jwt.encode({"alg": "ES256", "kid": signer.kid}, claims, signer)
        return PlainTextResponse(token, media_type="application/jwt")

    @app.get("/jwks.json")
    def keys() -> Answer:
        """Publish the key that results are signed with."""
        signer = store.signing_key()
        signer.ensure_kid()
        return JSONResponse({"keys": [{**signer.as_dict(private=False), "use": "sig"}]})


def _add_pages(app: FastAPI, store: Store) -> None:
    @app.get("/capture/{check_id}")
    def show_capture(check_id: str) -> HTMLResponse:
        """Show the page on which pictures would be taken."""
        check = store.find(check_id)
        if check is None:
            return HTMLResponse(_page("unknown.html"), 404)
        return HTMLResponse(_page("capture.html", check=check, personas=PERSONAS))

    @app.post("/capture/{check_id}")
    def capture(
        check_id: str,
        document: Annotated[Literal["passport", "driving_permit"], Form()],
        persona: Annotated[str, Form()] = "",
    ) -> Answer:
        """Take the pictures and lead the person back."""
        check = store.find(check_id)
        if check is None:
            return HTMLResponse(_page("unknown.html"), 404)
        if persona not in {known.id for known in PERSONAS}:
            page = _page("capture.html", check=check, personas=PERSONAS, fault=True)
            return HTMLResponse(page, 422)
        store.capture(check_id, document, persona)
        return RedirectResponse(check.return_url, 303)

    @app.get("/style.css")
    def show_style() -> Answer:
        """Return the pages' style sheet."""
        return Answer((_HERE / "style.css").read_text(encoding="utf-8"), media_type="text/css")

    @app.get("/")
    def show_start() -> HTMLResponse:
        """Say what this is."""
        return HTMLResponse(_page("start.html", personas=PERSONAS))


def _page(name: str, **values: object) -> str:
    return _TEMPLATES.get_template(name).render(values)
