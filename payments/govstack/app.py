"""The app of the GovStack doors: at its prefix for tokens, at the open listener for rehearsals."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from payments.govstack.deps import RefusalError, answer
from payments.govstack.shape_a import endpoints as shape_a
from payments.govstack.shape_a.vouchers import endpoints as vouchers_a
from shared.web.app import make_api


def make_govstack(*, is_open: bool) -> FastAPI:
    """Return the app with both shapes; an open one asks nobody for a token."""
    app = make_api("payments", "GovStack payments building block")
    app.state.is_open = is_open
    for feature in (shape_a, vouchers_a):
        app.include_router(feature.router)

    def refuse(_request: Request, error: Exception) -> Response:
        if not isinstance(error, RefusalError):
            raise error
        return answer(error.body, error.status)

    app.add_exception_handler(RefusalError, refuse)
    return app
