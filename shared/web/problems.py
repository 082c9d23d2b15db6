"""Refusals and faults as answers: problem+json for programs, pages for people."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from shared.correlation import correlation_id
from shared.errors import FieldError, Invalid, NotFound, Problem
from shared.logs import get_logger
from shared.web.pages import translate, use_language
from shared.web.runtime import runtime_of

_TEXT = {"type": "string"}
_SCHEMA: dict[str, object] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        **dict.fromkeys(("type", "title", "code", "detail", "request_id"), _TEXT),
        "status": {"type": "integer"},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": _TEXT, "message": _TEXT},
            },
        },
    },
}
# What every operation of an API may also answer, for its OpenAPI document.
DOCUMENTED: dict[int | str, dict[str, object]] = {
    kind: {"description": words, "content": {"application/problem+json": {"schema": _SCHEMA}}}
    for kind, words in (("4XX", "Refused (RFC 9457)"), ("5XX", "Failed; try again (RFC 9457)"))
}
_NOT_FOUND = 404
# The database is away, restarting or overloaded: that is over soon, so say "again", not "broken".
_AWAY = (OperationalError, PoolTimeoutError)


def problem_body(problem: Problem) -> dict[str, object]:
    """Return the RFC 9457 body of a refusal."""
    body: dict[str, object] = {
        "type": f"urn:clachan:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "request_id": correlation_id(),
    }
    if problem.detail:
        body["detail"] = problem.detail
    if problem.fields:
        body["fields"] = [
            {"field": fault.field, "message": fault.message} for fault in problem.fields
        ]
    return body


def _as_json(problem: Problem) -> Response:
    response = JSONResponse(
        problem_body(problem), problem.status, media_type="application/problem+json"
    )
    if problem.status == 401:  # noqa: PLR2004 - RFC 6750, section 3
        error = "" if problem.code == "token_missing" else ' error="invalid_token"'
        response.headers["WWW-Authenticate"] = f"Bearer{error}"
    return _with_patience(response, problem)


def _with_patience(response: Response, problem: Problem) -> Response:
    if problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    return response


def _from_validation(error: RequestValidationError) -> Invalid:
    return Invalid(
        *(
            FieldError(".".join(str(part) for part in fault["loc"][1:]) or "body", fault["msg"])
            for fault in error.errors()
        ),
        title="The request does not have the expected shape",
    )


def _from_http(error: HTTPException) -> Problem:
    if error.status_code == _NOT_FOUND:
        return NotFound("not_found", translate("Page not found"))
    title = translate("The request could not be served")
    return Problem("http_error", title, status=error.status_code)


def install_for_programs(app: FastAPI) -> None:
    """Answer every refusal and fault of an API app as problem+json."""

    def refuse(_request: Request, error: Exception) -> Response:
        return _as_json(_as_problem(error))

    for kind in (Problem, RequestValidationError, HTTPException, *_AWAY, Exception):
        app.add_exception_handler(kind, refuse)


def install_beside(app: Starlette) -> None:
    """Answer addresses that belong to no mounted app as problem+json too."""

    def refuse(_request: Request, error: Exception) -> Response:
        return _as_json(_as_problem(error))

    app.add_exception_handler(HTTPException, refuse)


def install_for_people(app: FastAPI) -> None:
    """Answer every refusal and fault of a pages app as a page that says what to do."""

    def refuse(request: Request, error: Exception) -> Response:
        use_language(request)
        problem = _as_problem(error)
        page = runtime_of(request).pages.render(
            request,
            "error.html",
            status=problem.status,
            title=translate(problem.title),
            detail=translate(problem.detail),
            status_code=problem.status,
            code=problem.code,
        )
        return _with_patience(page, problem)

    for kind in (Problem, RequestValidationError, HTTPException, *_AWAY, Exception):
        app.add_exception_handler(kind, refuse)


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _from_validation(error)
    if isinstance(error, HTTPException):
        return _from_http(error)
    is_away = isinstance(error, _AWAY)
    get_logger().error("request.failed", exc_info=error)
    return Problem(
        "unavailable" if is_away else "internal_error",
        translate("Sorry, there is a problem with the service"),
        detail=translate("Try again later. What you sent was not kept half-way."),
        status=503 if is_away else 500,
    )
