"""The page of texts and calls in the inbox, and the same as JSON for tests."""

from html import escape
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import FastAPI, Form
from pydantic import BaseModel
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from notifications.channels.simulator.contents import find_code
from notifications.channels.simulator.pages import REFRESH_SECONDS, frame, moment
from notifications.channels.simulator.texts import SpokenMessage, TextFault, TextStore

_FAULTS: tuple[tuple[TextFault, str], ...] = (
    ("none", "Work as it should"),
    ("refuse", "Refuse the number: the text fails for good"),
    ("later", "Say “try again later”: the text is tried again"),
    ("missed", "Take it, and report later that nobody got it"),
    ("unreachable", "Take it, and report later that there is no such number"),
)
_KINDS = {"sms": "Text", "voice": "Call"}


class _Playing(BaseModel):
    kind: Literal["none", "refuse", "later", "missed", "unreachable"]


def add_texts(app: FastAPI, store: TextStore) -> None:
    """Give the inbox its page of texts and calls."""

    def show_texts(to: str = "", reload: Literal["yes", "no"] = "yes") -> HTMLResponse:
        """Show the newest texts and calls."""
        found = store.find(to=to)
        reloads = reload == "yes"
        again = f"/texts?to={quote(to)}"
        headers = {"Refresh": f"{REFRESH_SECONDS};url={again}"} if reloads else {}
        return HTMLResponse(_page(found, to, store.fault(), reloads=reloads), headers=headers)

    def set_fault(kind: Annotated[TextFault, Form()]) -> RedirectResponse:
        """Choose a fault for the texts and calls to come."""
        store.play(kind)
        return RedirectResponse("/texts?reload=no", 303)

    def list_texts(to: str = "", limit: int = 50) -> JSONResponse:
        """Return the newest texts and calls to a number."""
        return JSONResponse([_as_json(spoken) for spoken in store.find(to=to, limit=limit)])

    def clear_texts() -> Response:
        """Throw every text and call away."""
        store.clear()
        return Response(status_code=204)

    def write_fault(playing: _Playing) -> _Playing:
        """Choose a fault for the texts and calls to come."""
        store.play(playing.kind)
        return playing

    app.get("/texts")(show_texts)
    app.post("/texts/faults")(set_fault)
    app.get("/api/texts")(list_texts)
    app.delete("/api/texts")(clear_texts)
    app.put("/api/text-fault")(write_fault)


def _as_json(spoken: SpokenMessage) -> dict[str, object]:
    return {
        "id": spoken.id,
        "received_at": spoken.received_at.isoformat(),
        "channel": spoken.channel,
        "from": spoken.sender,
        "to": spoken.recipient,
        "text": spoken.words,
        "code": find_code(spoken.words),
        "status": spoken.status,
    }


def _page(found: list[SpokenMessage], to: str, fault: TextFault, *, reloads: bool) -> str:
    heading = f"Texts and calls to {escape(to)}" if to else "Texts and calls"
    items = "".join(map(_item, found))
    again = f"/texts?to={quote(to)}"
    reloading = (
        f"This page loads itself anew every {REFRESH_SECONDS} seconds."
        f' <a href="{escape(again)}&amp;reload=no">Stop that</a>.'
        if reloads
        else f'<a href="{escape(again)}">Load this page anew every {REFRESH_SECONDS} seconds</a>.'
    )
    choices = "".join(
        f'<div class="choice"><input type="radio" name="kind" id="{kind}" value="{kind}"'
        f"{' checked' if kind == fault else ''}>"
        f'<label for="{kind}">{escape(words)}</label></div>'
        for kind, words in _FAULTS
    )
    nothing = "<p>No text or call has gone out yet.</p>"
    warning = (
        f'<p class="warning">The network misbehaves: {escape(dict(_FAULTS)[fault])}.</p>'
        if fault != "none"
        else ""
    )
    return frame(
        heading,
        f'<p><a href="/">Back to the inbox</a></p><h1>{heading}</h1>{warning}'
        f'<p class="small">Newest first. {reloading}</p>'
        f"{f'<ol>{items}</ol>' if found else nothing}"
        "<details><summary>Make the telephone network misbehave</summary>"
        '<form method="post" action="/texts/faults"><fieldset>'
        f"<legend>Until you change it</legend>{choices}</fieldset><button>Save</button></form>"
        "</details>",
    )


def _item(spoken: SpokenMessage) -> str:
    code = find_code(spoken.words)
    shown = f'<p class="code">{code}</p>' if code else ""
    return (
        f'<li class="mail"><h2>{_KINDS[spoken.channel]} to {escape(spoken.recipient)}</h2>'
        f'<p class="small">From {escape(spoken.sender)}, {moment(spoken.received_at)}, '
        f'{escape(spoken.status)}</p>{shown}<p class="text">{escape(spoken.words)}</p></li>'
    )
