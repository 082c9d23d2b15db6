"""Puts a service's apps together: API, pages, health, metrics, and the middleware round them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from shared import logs, tracing
from shared.crypto import Sealer
from shared.db import Database, make_engine
from shared.settings import ServiceSettings
from shared.tokens import TokenVerifier
from shared.web import problems
from shared.web.assets import use_assets
from shared.web.csrf import check_csrf
from shared.web.observe import Observe
from shared.web.pages import Pages
from shared.web.runtime import Runtime
from shared.web.security_headers import SecurityHeaders

# Its spans would carry whole addresses, and with them codes and tokens; `Observe` makes ours.
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


def make_runtime(
    service: str,
    settings: ServiceSettings,
    html_directory: Path,
    *,
    service_name: str,
    service_url: str,
) -> Runtime:
    """Return the parts a web process needs, made from its settings."""
    use_assets(settings.assets_dir)
    engine = make_engine(
        settings.database_url, pool_size=settings.database_pool_size, service=f"{service}-web"
    )
    return Runtime(
        service=service,
        settings=settings,
        database=Database(engine),
        sealer=Sealer(settings.encryption_key_file),
        pages=Pages(
            service,
            [html_directory],
            settings,
            service_name=service_name,
            service_url=service_url,
        ),
        tokens=TokenVerifier(settings.oidc_issuer, settings.public_url),
    )


def make_api(service: str, title: str) -> FastAPI:
    """Return an empty API app: no cookies, problem+json, its OpenAPI document at /openapi.json."""
    app = FastAPI(
        title=title,
        version="1",
        docs_url=None,
        redoc_url=None,
        responses=problems.DOCUMENTED,
        telemetry=NO_TELEMETRY,
    )
    app.state.service = service
    problems.install_for_programs(app)
    return app


def make_pages_app(service: str) -> FastAPI:
    """Return an empty pages app: forms carry CSRF tokens, refusals are pages."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=NO_TELEMETRY,
        dependencies=[Depends(check_csrf)],
    )
    app.state.service = service
    problems.install_for_people(app)
    return app


def make_service_app(
    runtime: Runtime,
    mounts: Mapping[str, ASGIApp],
    *,
    routes: tuple[BaseRoute, ...] = (),
    middleware: tuple[Middleware, ...] = (),
) -> Starlette:
    """Return the ASGI application of a process.

    Args:
        runtime: what the doors need; handed to every mounted FastAPI app.
        mounts: path prefix to app, longest first; ``""`` mounts at the root.
        routes: further routes at the root, before the mounts.
        middleware: what comes before all routes, inside the observing middleware.
    """
    service, settings = runtime.service, runtime.settings
    logs.configure(service, settings)
    tracing.configure(service, settings)
    for app in mounts.values():
        if isinstance(app, FastAPI | Starlette):
            app.state.runtime = runtime

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        logs.get_logger().info("process.started", port=settings.port)
        yield
        runtime.database.engine.dispose()

    app = Starlette(
        routes=[
            Route("/health/live", _live),
            Route("/health/ready", _make_ready(runtime)),
            Route("/metrics", _metrics),
            *routes,
            *(Mount(prefix, app) for prefix, app in mounts.items()),
        ],
        middleware=[
            Middleware(Observe, service=service, secure=settings.secure_cookies),
            Middleware(SecurityHeaders, https=settings.secure_cookies),
            *middleware,
        ],
        lifespan=lifespan,
    )
    problems.install_beside(app)
    return app


def _live(_request: Request) -> Response:
    return PlainTextResponse("live\n")


def _metrics(_request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _make_ready(runtime: Runtime):  # type: ignore[no-untyped-def]  # noqa: ANN202 - an endpoint
    broker = Redis.from_url(runtime.settings.broker_url, socket_timeout=1, socket_connect_timeout=1)

    def ready(_request: Request) -> Response:
        state = {"database": "ok", "broker": "ok"}
        try:
            runtime.database.is_ready()
        except SQLAlchemyError as error:
            state["database"] = type(error).__name__
        try:
            broker.ping()
        except RedisError as error:
            # Requests are served without the broker: the outbox keeps what must be sent.
            state["broker"] = type(error).__name__
        return JSONResponse(state, 200 if state["database"] == "ok" else 503)

    return ready


def serve(app: ASGIApp, settings: ServiceSettings) -> None:
    """Serve an application until told to stop, letting running requests end."""
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
