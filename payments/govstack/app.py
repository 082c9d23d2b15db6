"""The app of the GovStack doors."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from payments.govstack.deps import RefusalError, answer
from payments.govstack.p2g import endpoints as p2g
from payments.govstack.shape_a import endpoints as shape_a
from payments.govstack.shape_a.vouchers import endpoints as vouchers_a
from payments.govstack.shape_b import endpoints as shape_b
from payments.govstack.shape_b.vouchers import endpoints as vouchers_b
from shared.web.app import make_api


def make_govstack() -> FastAPI:
    """Return the app with both shapes and bills, mounted at ``/payments/govstack``."""
    app = make_api("payments", "GovStack payments building block")
    for feature in (shape_a, vouchers_a, shape_b, vouchers_b, p2g):
        app.include_router(feature.router)

    def refuse(_request: Request, error: Exception) -> Response:
        if not isinstance(error, RefusalError):
            raise error
        return answer(error.body, error.status)

    app.add_exception_handler(RefusalError, refuse)
    return app
