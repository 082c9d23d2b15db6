"""The inbox of the simulated mail server: pages for people, JSON for tests."""

from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, Form
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from notifications.channels.simulator.contents import Contents, read_contents
from notifications.channels.simulator.pages import (
    STYLE,
    faults_page,
    list_page,
    mail_page,
    missing_page,
    reload_header,
    search_page,
)
from notifications.channels.simulator.smtp import MAIL_FILE
from notifications.channels.simulator.store import Fault, Mail, Playing, Store
from notifications.channels.simulator.texts import TEXTS_FILE, TextStore
from notifications.channels.simulator.texts_pages import add_texts


class _Playing(BaseModel):
    kind: Literal["none", "refuse", "temporary", "drop", "slow"]
    times: int = Field(0, ge=0, le=1000)


def make_app(state_dir: Path) -> FastAPI:
    """Return the inbox over the emails that the mail server keeps in ``state_dir``."""
    store = Store(state_dir / MAIL_FILE)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_pages(app, store)
    _add_api(app, store)
    add_texts(app, TextStore(state_dir / TEXTS_FILE))
    return app


def _add_pages(app: FastAPI, store: Store) -> None:
    def show_list(to: str = "", reload: Literal["yes", "no"] = "yes") -> HTMLResponse:
        """Show the newest emails."""
        mails = [read_contents(mail) for mail in store.find(to=to)]
        reloads = reload == "yes"
        page = list_page(mails, to, store.playing(), reloads=reloads)
        return HTMLResponse(page, headers={"Refresh": reload_header(to)} if reloads else {})

    def show_search() -> HTMLResponse:
        """Show the search by address."""
        return HTMLResponse(search_page())

    def show_mail(mail_id: int) -> HTMLResponse:
        """Show one email."""
        mail = store.get(mail_id)
        if mail is None:
            return HTMLResponse(missing_page(), 404)
        return HTMLResponse(mail_page(read_contents(mail)))

    def show_raw(mail_id: int) -> Response:
        """Show an email as it came over the wire."""
        mail = store.get(mail_id)
        if mail is None:
            return HTMLResponse(missing_page(), 404)
        return Response(mail.raw, media_type="text/plain; charset=utf-8")

    def show_faults() -> HTMLResponse:
        """Show what the server can be asked to get wrong."""
        return HTMLResponse(faults_page(store.playing()))

    def set_fault(
        kind: Annotated[Fault, Form()], times: Annotated[int, Form(ge=0, le=1000)] = 0
    ) -> RedirectResponse:
        """Choose a fault for the emails to come."""
        store.play(Playing(kind, times))
        return RedirectResponse("/faults", 303)

    def show_style() -> Response:
        """Return the pages' style sheet."""
        return Response(STYLE, media_type="text/css")

    app.get("/")(show_list)
    app.get("/search")(show_search)
    app.get("/messages/{mail_id}")(show_mail)
    app.get("/messages/{mail_id}/raw")(show_raw)
    app.get("/faults")(show_faults)
    app.post("/faults")(set_fault)
    app.get("/style.css")(show_style)


def _add_api(app: FastAPI, store: Store) -> None:
    def list_messages(to: str = "", limit: int = 50) -> JSONResponse:
        """Return the newest emails to an address."""
        return JSONResponse([_as_json(mail) for mail in store.find(to=to, limit=limit)])

    def clear_messages() -> Response:
        """Throw every email away."""
        store.clear()
        return Response(status_code=204)

    def read_fault() -> _Playing:
        """Return the fault in force."""
        playing = store.playing()
        return _Playing(kind=playing.kind, times=playing.times)

    def write_fault(playing: _Playing) -> _Playing:
        """Choose a fault for the emails to come; 0 times lasts until it is changed."""
        store.play(Playing(playing.kind, playing.times))
        return playing

    app.get("/api/messages")(list_messages)
    app.delete("/api/messages")(clear_messages)
    app.get("/api/fault")(read_fault)
    app.put("/api/fault")(write_fault)


def _as_json(mail: Mail) -> dict[str, object]:
    contents: Contents = read_contents(mail)
    return {
        "id": mail.id,
        "received_at": mail.received_at.isoformat(),
        "from": contents.sender,
        "to": list(mail.recipients),
        "subject": contents.subject,
        "text": contents.text,
        "html": contents.html,
        "code": contents.code,
        "links": list(contents.links),
        "headers": dict(contents.headers),
    }
