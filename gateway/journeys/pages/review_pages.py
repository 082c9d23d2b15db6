"""Check your answers, and sending them."""

from collections.abc import Iterator
from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from gateway.journeys import queries
from gateway.journeys.actions import submission
from gateway.journeys.definition import model
from gateway.journeys.definition.service import Page, page_key
from gateway.journeys.forms.show import show, show_date
from gateway.journeys.pages.deps import Elsewhere, Visit, as_errors, back_url, go, render
from gateway.journeys.route import verified_by
from shared.crypto import Sealer
from shared.errors import FieldError
from shared.web.deps import Form

DECLARATION = "declaration"


def show_review(
    request: Request, visit: Visit, page: Page, faults: tuple[FieldError, ...] = ()
) -> Response:
    """Show every answer with a way to change it, and the declaration."""
    step = visit.service.step(page.step)
    if not isinstance(step, model.Review):
        raise TypeError(f"{page.step} reviews nothing")
    return render(
        request,
        visit.service,
        "review.html",
        status=422 if faults else 200,
        heading=visit.words.speaker.say(step.title),
        sections=list(_sections(visit)),
        declaration=visit.words.speaker.say(step.declaration),
        reference=visit.instance.reference,
        back_href=back_url(visit, page),
        **as_errors(faults),
    )


def _sections(visit: Visit) -> Iterator[dict[str, object]]:
    for step in visit.service.definition.steps:
        if isinstance(step, model.Check | model.Collect):
            names = [
                page.attribute
                for page in visit.route.done
                if page.step == step.id and page.kind == "question"
            ]
            rows = [_row(visit, name) for name in names if not _is_proven(visit, name)]
        elif isinstance(step, model.Verify):
            rows = [_row(visit, name) for name in verified_by(visit.service, step.scopes)]
        else:
            continue
        if rows:
            yield {"title": visit.words.speaker.say(step.title), "rows": rows}


def _is_proven(visit: Visit, name: str) -> bool:
    return visit.dossier.answers[name].source == "verified"


def _row(visit: Visit, name: str) -> dict[str, object]:
    attribute, answer = visit.service.attribute(name), visit.dossier.answers[name]
    words = visit.words
    row: dict[str, object] = {
        "key": words.speaker.say(attribute.label),
        "lines": show(attribute, answer.value, words.speaker, words.gettext),
        "proven": "",
        "href": f"/journeys/{visit.service.id}/{page_key(name)}?change=1",
    }
    if answer.source == "verified":
        day = show_date(datetime.fromisoformat(answer.at).date(), words.language)
        said = words.gettext("Confirmed by {issuer} on {day}")
        row |= {"proven": said.format(issuer=answer.issuer, day=day), "href": ""}
    return row


def send_review(
    request: Request,
    session: Session,
    sealer: Sealer,
    visit: Visit,
    page: Page,
    form: Form,
    now: datetime,
) -> Response:
    """Send the application; without the declaration nothing happens."""
    if form.text(DECLARATION) != "yes":
        message = visit.words.gettext("Confirm that your answers are correct and complete")
        return show_review(request, visit, page, (FieldError(DECLARATION, message),))
    try:
        sent = submission.submit(
            session, sealer, visit.instance.id, now, language=visit.words.language
        )
    except submission.AlreadySentError as error:
        # Nothing was written. The start page says why and leads to the case that counts.
        raise Elsewhere(f"/journeys/{visit.service.id}") from error
    return go(f"/journeys/cases/{sent.reference}/confirmation")


def sent_before(session: Session, form: Form, subject: str | None) -> Response | None:
    """Return the way to the confirmation for a form that was sent before, as by a double click."""
    reference = form.text("reference")
    if not reference or subject is None:
        return None
    sent = queries.find_case(session, reference, subject)
    return None if sent is None else go(f"/journeys/cases/{sent.reference}/confirmation")
