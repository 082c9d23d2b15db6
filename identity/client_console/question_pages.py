"""Registering a client question by question, in plain words."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from identity.client_console import rules
from identity.client_console.access import AtDraft, DraftDep, ServiceDep
from identity.client_console.actions import finish_draft, keep_answers, start_draft
from identity.client_console.keys import KeyFault, read_key_set, tell_key
from identity.client_console.presenting import facts_of
from identity.client_console.snippets import make_snippets
from identity.console.access import DeveloperDep, go, show
from identity.oidc.access import ProviderDep
from identity.relying_parties.profiles import PROFILES
from identity.relying_parties.queries import get_client
from shared.errors import FieldError, Invalid, NotFound
from shared.guarded_http import OutboundError
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()
draft_router = APIRouter(prefix="/drafts/{draft}")


@router.post("/services/{service}/clients/{environment}")
def start(
    session: SessionDep,
    now: NowDep,
    member: DeveloperDep,
    service: ServiceDep,
    environment: str,
    _form: FormDep,
) -> Response:
    """Begin to register a client in one environment."""
    if environment not in rules.ENVIRONMENTS:
        raise NotFound("not_found", "Page not found")
    draft_id = start_draft(session, service, environment, now)
    return go(f"/{member.body.slug}/drafts/{draft_id}/name")


@draft_router.get("")
def show_answers(request: Request, _member: DeveloperDep, at: DraftDep) -> Response:
    """Show every answer before it counts, or the first question that has none."""
    missing = rules.first_unanswered(at.draft.answers)
    if missing is not None:
        return go(f"{at.path}/{missing}")
    return _show_answers(request, at)


def _show_answers(request: Request, at: AtDraft, faults: tuple[FieldError, ...] = ()) -> Response:
    changed = (
        rules.changed_questions(at.view.answers, at.draft.answers) if at.view is not None else []
    )
    return show(
        request,
        "client_console/answers.html",
        at=at,
        body=at.member.body,
        answers=at.draft.answers,
        keys=[tell_key(jwk) for jwk in rules.jwks_of(at.draft.answers)],
        changed=changed,
        faults=faults,
    )


@draft_router.post("")
def finish(
    request: Request,
    runtime: RuntimeDep,
    provider: ProviderDep,
    now: NowDep,
    member: DeveloperDep,
    at: DraftDep,
    _form: FormDep,
) -> Response:
    """Register the client, or change it; the secret, if there is one, is shown this once."""
    missing = rules.first_unanswered(at.draft.answers)
    if missing is not None:
        return go(f"{at.path}/{missing}")
    try:
        with runtime.database.transaction() as session:
            done = finish_draft(session, member.actor, at.draft, at.service, at.view, now)
            party = get_client(session, done.client_id)
    except Invalid as refused:
        return _show_answers(request, at, refused.fields)
    if party is None or (not done.is_new and done.secret is None):
        return go(f"/{member.body.slug}/clients/{done.client_id}", "saved")
    issuer = provider.issuers[party.profile]
    return show(
        request,
        "client_console/registered.html",
        at=at,
        body=member.body,
        party=party,
        secret=done.secret,
        facts=facts_of(party, issuer),
        snippets=make_snippets(party, issuer),
    )


@draft_router.get("/{question}")
def show_question(request: Request, _member: DeveloperDep, at: DraftDep, question: str) -> Response:
    """Show one question."""
    _check_question(question)
    return _show_question(request, at, question, at.draft.answers)


@draft_router.post("/{question}")
def answer(
    request: Request,
    form: FormDep,
    runtime: RuntimeDep,
    provider: ProviderDep,
    now: NowDep,
    _member: DeveloperDep,
    at: DraftDep,
    question: str,
) -> Response:
    """Take one answer and go on to the next question, or to all answers."""
    _check_question(question)
    raw = rules.Raw(form.values)
    try:
        answers = rules.answer(question, raw, at.draft.answers, at.draft.environment)
        if question == "keys" and answers["jwks_uri"]:
            answers["jwks"] = _fetch_keys(provider, str(answers["jwks_uri"]))
    except Invalid as refused:
        return _show_question(request, at, question, _as_typed(raw, at), refused.fields)
    with runtime.database.transaction() as session:
        keep_answers(session, at.draft.id, answers, now)
    missing = rules.first_unanswered(answers)
    return go(f"{at.path}/{missing}" if missing else at.path)


def _check_question(question: str) -> None:
    if question not in rules.QUESTIONS:
        raise NotFound("not_found", "Page not found")


def _fetch_keys(provider: ProviderDep, address: str) -> list[dict[str, object]]:
    """Return the keys that an address serves now; refuses one that serves none we could use."""
    try:
        return read_key_set(provider.outbound.get(address).content)
    except OutboundError as error:
        fault = FieldError("jwks_uri", "We could not read keys at this address")
        raise Invalid(fault) from error
    except KeyFault as error:
        raise Invalid(FieldError("jwks_uri", str(error))) from error


def _as_typed(raw: rules.Raw, at: AtDraft) -> dict[str, object]:
    """Return the answers with what was just typed, right or wrong, for showing the form again."""
    typed: dict[str, object] = {name: raw.text(name) for name in raw.values}
    for name in ("redirect_uris", "post_logout_uris", "contacts"):
        if name in raw.values:
            typed[name] = raw.lines(name)
    typed["scopes"] = raw.all("scopes")
    typed["purposes"] = {
        name.removeprefix("purpose-"): raw.text(name)
        for name in raw.values
        if name.startswith("purpose-")
    }
    return {**at.draft.answers, **typed}


def _show_question(
    request: Request,
    at: AtDraft,
    question: str,
    answers: rules.Answers,
    faults: tuple[FieldError, ...] = (),
) -> Response:
    profile = rules.profile_of(at.draft.answers)
    number = rules.QUESTIONS.index(question)
    return show(
        request,
        f"client_console/{question}.html",
        at=at,
        body=at.member.body,
        service=at.service,
        answers=answers,
        back=_back(at, number),
        number=number + 1,
        count=len(rules.QUESTIONS),
        profiles=list(PROFILES),
        profile=profile,
        offers_secret=rules.offers_secret(profile),
        asked_scopes=rules.asked_scopes(profile),
        keys=[tell_key(jwk) for jwk in rules.jwks_of(at.draft.answers)],
        faults=faults,
    )


def _back(at: AtDraft, number: int) -> str:
    if at.view is not None:
        return f"/{at.member.body.slug}/clients/{at.view.party.client_id}"
    if number == 0:
        return f"/{at.member.body.slug}/services/{at.service.id}"
    return f"{at.path}/{rules.QUESTIONS[number - 1]}"


router.include_router(draft_router)
