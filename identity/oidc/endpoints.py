"""The protocol's endpoints below an issuer; no cookie but the session's counts, no form token.

A refusal is an answer here: what was written before it stays, so that a replayed code or token is
refused and its family revoked in one transaction.
"""

from datetime import timedelta
from urllib.parse import quote, urlencode

import psycopg
from fastapi import APIRouter, Depends, FastAPI, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from identity.accounts.vault import open_vault
from identity.oidc.access import (
    CallDep,
    MaybeSignedIn,
    ProviderDep,
    SentDep,
    as_json,
    as_json_or_jwt,
    browser_of,
    fetch_named_object,
    keep_browser,
    note_refusal,
    refuse,
    refuse_for_now,
    refuse_on_page,
    send_back,
    with_nonce,
)
from identity.oidc.authorize import check_request
from identity.oidc.ciba_core import answer_ciba_request
from identity.oidc.core_userinfo import answer_userinfo
from identity.oidc.did_document import CACHE_SECONDS, did_of, make_did_document
from identity.oidc.discovery import make_discovery
from identity.oidc.draft import Draft
from identity.oidc.errors import PageError, ProtocolError, unavailable
from identity.oidc.flow_rows import start_flow
from identity.oidc.jarm import secure_answer
from identity.oidc.journey import advance, make_flow
from identity.oidc.onelogin_id_token import make_trustmark
from identity.oidc.onelogin_userinfo import answer_trust_userinfo
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.rfc7009_revocation import answer_revocation
from identity.oidc.rfc7662_introspection import answer_introspection
from identity.oidc.rfc8628_device_grant import answer_device_request
from identity.oidc.rfc9126_pushed_requests import answer_pushed_request
from identity.oidc.rfc9207_answers import answer_with_error
from identity.oidc.rfc9701_signed_introspection import (
    MEDIA_TYPE,
    sign_introspection,
    wants_signed,
)
from identity.oidc.rpinitiated_logout import check_logout
from identity.oidc.scotaccount_attributes import answer_attributes
from identity.oidc.secured import finish_pushed, keep_pushed
from identity.oidc.session_pages import (
    SIGNED_OUT_PATH,
    finish_logout,
    refuse_logout,
    send_signed_in,
)
from identity.oidc.session_pages import router as session_router
from identity.oidc.steps import page_of
from identity.oidc.token import answer_token_request
from identity.registration import endpoints as registration
from identity.relying_parties.grants import CIBA, DEVICE
from identity.relying_parties.profiles import PROFILES, Profile
from identity.sandbox.access import is_sandbox, prepare, sandbox_session
from identity.signin.rules import device_name
from shared.ids import new_id
from shared.logs import get_logger
from shared.web.app import NO_TELEMETRY
from shared.web.deps import public
from shared.web.pages import wish_language
from shared.web.runtime import runtime_of

LOGOUT_PATH = "/identity/logout"
_ALL_ORIGINS = {"Access-Control-Allow-Origin": "*"}


def _public_cache(profile: Profile) -> dict[str, str]:
    return {
        "Cache-Control": f"public, max-age={profile.metadata_seconds}",
        **_ALL_ORIGINS,
    }


router = APIRouter(dependencies=[Depends(public)])
pushed_router = APIRouter(dependencies=[Depends(public)])
userinfo_router = APIRouter(dependencies=[Depends(public)])
attributes_router = APIRouter(dependencies=[Depends(public)])
trust_router = APIRouter(dependencies=[Depends(public)])
device_router = APIRouter(dependencies=[Depends(public)])
ciba_router = APIRouter(dependencies=[Depends(public)])


@router.get("/.well-known/openid-configuration")
@router.get("/.well-known/oauth-authorization-server")
def discovery(request: Request, provider: ProviderDep) -> Response:
    """Tell what this issuer can do."""
    issuer = provider.issuers[request.app.state.profile]
    return JSONResponse(make_discovery(issuer), headers=_public_cache(issuer.profile))


@router.get("/jwks.json")
@router.get("/.well-known/jwks.json")
def jwks(call: CallDep) -> Response:
    """Publish the signing keys, the active one first."""
    content = call.keys.as_jwks(call.profile.key_algorithms)
    return JSONResponse(content, headers=_public_cache(call.profile))


@router.get("/authorize")
def authorize(request: Request, sent: SentDep, call: CallDep, signed_in: MaybeSignedIn) -> Response:
    """Answer a client at once, or begin a flow and lead the person to its first step."""
    draft = Draft(call, sent.query, fetched=fetch_named_object(request, call, sent.query))
    wish_language(request, sent.query.get("ui_locales"))
    try:
        check_request(draft, "authorize")
        if is_sandbox(draft.known_client.options.environment):
            signed_in = prepare(request, draft)
        browser = browser_of(request)
        flow = make_flow(draft, new_id(), browser, signed_in)
        done = advance(call, flow, draft.known_client, signed_in)
    except PageError as error:
        return refuse_on_page(request, error)
    except ProtocolError as error:
        answer = answer_with_error(
            draft.redirect_uri or "",
            draft.response_mode,
            error,
            state=draft.state,
            issuer=call.issuer.url,
        )
        if draft.pushed is not None:
            finish_pushed(call.quick, draft.pushed, call.now)
        secured = secure_answer(call, draft.known_client.client_id, answer)
        return note_refusal(request, send_back(request, secured), error)
    if done.answer is not None:
        return send_signed_in(request, call, draft.known_client, signed_in, done.answer)
    if signed_in is None:
        try:
            call.provider.visitors.check(request.client.host if request.client else "")
        except ProtocolError as error:
            return refuse_for_now(request, error)
    start_flow(call.session, flow)
    if draft.pushed is not None:
        until = call.now + timedelta(days=call.profile.flow_days)
        keep_pushed(call.session, draft.pushed, until)
    response = RedirectResponse(page_of(done.step, flow), 302)
    response.headers["Cache-Control"] = "no-store"
    keep_browser(request, response, browser)
    return response


@router.post("/authorize")
def authorize_by_form(call: CallDep, sent: SentDep) -> Response:
    """Take a request from a form, then read it again by GET, which brings the session's cookie."""
    return _by_get(f"{call.issuer.base}/authorize", sent.query.merged(sent.form))


@router.post("/token")
def token(request: Request, call: CallDep, sent: SentDep) -> Response:
    """Give tokens for a code, a refresh token or a client's own credentials."""
    try:
        params = sent.of_body()
        if call.profile.merges_query:
            params = sent.query.merged(params)
        authorization = request.headers.get("Authorization")
        response = as_json(answer_token_request(call, params, authorization))
    except ProtocolError as error:
        plain = call.profile.plain_token_errors
        response = refuse(error.as_bad_request() if plain else error)
    return with_nonce(call, response)


@pushed_router.post("/par")
def pushed_request(request: Request, call: CallDep, sent: SentDep) -> Response:
    """Take an authorization request ahead of the browser that will name it."""
    try:
        authorization = request.headers.get("Authorization")
        answer = answer_pushed_request(call, sent.of_body(), authorization)
        response = as_json(answer, status=201)
    except ProtocolError as error:
        response = refuse(error)
    return with_nonce(call, response)


@router.post("/revoke")
def revoke(request: Request, call: CallDep, sent: SentDep) -> Response:
    """Make a token worthless."""
    try:
        answer_revocation(call, sent.of_body(), request.headers.get("Authorization"))
    except ProtocolError as error:
        return refuse(error)
    return Response(status_code=200, headers={"Cache-Control": "no-store"})


@router.post("/introspect")
def introspect(request: Request, call: CallDep, sent: SentDep) -> Response:
    """Tell what a token is worth."""
    try:
        authorization = request.headers.get("Authorization")
        caller, answer = answer_introspection(call, sent.of_body(), authorization)
    except ProtocolError as error:
        return refuse(error)
    if wants_signed(request.headers.get("Accept", "")):
        content = sign_introspection(call, caller.client, answer)
        return Response(content, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})
    return as_json(answer)


@device_router.post("/device_authorization")
def device_authorization(request: Request, call: CallDep, sent: SentDep) -> Response:
    """Give a device its codes."""
    headers = request.headers
    device = device_name(headers.get("User-Agent", ""))
    try:
        return as_json(
            answer_device_request(call, sent.of_body(), headers.get("Authorization"), device)
        )
    except ProtocolError as error:
        return refuse(error)


@ciba_router.post("/bc-authorize")
def backchannel_authentication(request: Request, call: CallDep, sent: SentDep) -> Response:
    """Ask a person who is elsewhere."""
    vault = open_vault(runtime_of(request).database, call.provider.sealer)
    try:
        return as_json(
            answer_ciba_request(call, sent.of_body(), request.headers.get("Authorization"), vault)
        )
    except ProtocolError as error:
        return refuse(error)


@userinfo_router.api_route("/userinfo", methods=["GET", "POST"])
def userinfo(request: Request, call: CallDep, sent: SentDep) -> Response:
    """Tell what the scopes of an access token stand for."""
    try:
        if call.profile.vectors_of_trust:
            return as_json(answer_trust_userinfo(call, request.headers.get("Authorization")))
        form = sent.form if request.method == "POST" else None
        answer = answer_userinfo(call, request.headers.get("Authorization"), form)
        response = as_json_or_jwt(answer)
    except ProtocolError as error:
        response = refuse(error)
    return with_nonce(call, response)


@attributes_router.api_route("/attributes/values", methods=["GET", "POST"])
def attributes(request: Request, call: CallDep) -> Response:
    """Give what the person agreed to share, as a signed token."""
    headers = request.headers
    try:
        return as_json(
            answer_attributes(
                call, headers.get("Authorization"), headers.get("DIS-Client-Assertion")
            )
        )
    except ProtocolError as error:
        return refuse(error)


@trust_router.get("/trustmark")
def trustmark(call: CallDep) -> Response:
    """Tell what the levels of trust are, and who says so."""
    cache = {"Cache-Control": f"public, max-age={call.profile.metadata_seconds}"}
    return JSONResponse(make_trustmark(call.issuer), headers=cache | _ALL_ORIGINS)


@trust_router.get("/did.json")
@trust_router.get("/.well-known/did.json")
def did_document(call: CallDep) -> Response:
    """Publish the keys of identity proofs where the resolution of did:web looks for them."""
    keys = call.provider.identity_keys.get(call.session, call.now)
    document = make_did_document(did_of(call.provider.settings, call.issuer), keys)
    cache = {"Cache-Control": f"public, max-age={CACHE_SECONDS}"}
    return JSONResponse(document, media_type="application/did+json", headers=cache | _ALL_ORIGINS)


def logout(request: Request, sent: SentDep, call: CallDep, signed_in: MaybeSignedIn) -> Response:
    """End the session for a client that shows whose it is; ask the person otherwise."""
    try:
        wanted = check_logout(call, sent.query, signed_in)
        party = wanted.client
        if party is not None and is_sandbox(party.options.environment):
            signed_in = sandbox_session(request, call.session, party.organisation, call.now)
            wanted = check_logout(call, sent.query, signed_in)
    except PageError as error:
        if call.profile.logout_ends_all:
            return _tell_signed_out(call, error)
        return refuse_logout(request, error)
    if signed_in is not None and not wanted.may_end:
        query = [*sent.query.pairs, ("profile", call.profile.name)]
        return _by_get(f"{call.provider.settings.public_url}{LOGOUT_PATH}", Parameters.of(query))
    return finish_logout(request, call, wanted, signed_in)


def _tell_signed_out(call: Call, error: ProtocolError) -> Response:
    """Lead to our own page, with what was wrong in the members that One Login uses."""
    members = {"error_code": error.error, "error_description": error.description}
    target = f"{call.provider.settings.public_url}{SIGNED_OUT_PATH}"
    return RedirectResponse(f"{target}?{urlencode(members, quote_via=quote)}", 302)


def logout_by_form(call: CallDep, sent: SentDep) -> Response:
    """Take a logout request from a form, then read it again by GET, which brings the cookie."""
    target = f"{call.issuer.base}{call.profile.logout_path}"
    return _by_get(target, sent.query.merged(sent.form))


def _by_get(target: str, params: Parameters) -> Response:
    return RedirectResponse(f"{target}?{urlencode(params.pairs, quote_via=quote)}", 303)


def _refuse(request: Request, error: Exception) -> Response:
    """Answer what the routes do not catch themselves: an oversized body, an unknown address."""
    if isinstance(error, ProtocolError):
        return refuse(error)
    if isinstance(error, SQLAlchemyError | psycopg.OperationalError):
        get_logger().error("protocol.database_away", error=type(error).__name__)
        return refuse(unavailable())
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not_found", 405: "invalid_request"}.get(status, "internal_server_error")
    description = f"{request.method} is not offered here"
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse({"error": code, "error_description": description}, status, headers=headers)


def make_protocol_app(profile: Profile) -> FastAPI:
    """Return the endpoints of one issuer; the process sets ``state.provider`` and ``.runtime``."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_TELEMETRY)
    app.state.profile = profile.name
    app.state.service = "identity"
    app.include_router(router)
    if profile.registration:
        app.include_router(registration.router)
    if profile.browser_logout:
        app.include_router(session_router)
    if profile.pushed_requests:
        app.include_router(pushed_router)
    app.include_router(userinfo_router if profile.userinfo else attributes_router)
    if profile.vectors_of_trust:
        app.include_router(trust_router)
    for grant, further in ((DEVICE, device_router), (CIBA, ciba_router)):
        if grant in profile.grant_types:
            app.include_router(further)
    for path in dict.fromkeys((profile.logout_path, "/logout")):
        app.add_api_route(path, logout, methods=["GET"], dependencies=[Depends(public)])
        app.add_api_route(path, logout_by_form, methods=["POST"], dependencies=[Depends(public)])
    app.add_exception_handler(ProtocolError, _refuse)
    app.add_exception_handler(HTTPException, _refuse)
    app.add_exception_handler(SQLAlchemyError, _refuse)
    app.add_exception_handler(psycopg.OperationalError, _refuse)
    return app


def make_attributes_app(profile: Profile) -> FastAPI:
    """Return what the attributes host serves where it is one of its own: values and keys."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_TELEMETRY)
    app.state.profile = profile.name
    app.state.service = "identity"
    app.include_router(attributes_router)
    app.add_api_route("/jwks.json", jwks, methods=["GET"], dependencies=[Depends(public)])
    app.add_exception_handler(ProtocolError, _refuse)
    app.add_exception_handler(HTTPException, _refuse)
    return app


def make_protocol_apps() -> dict[str, FastAPI]:
    """Return the app of every profile by the path it is mounted at."""
    return {profile.path: make_protocol_app(profile) for profile in PROFILES.values()}
