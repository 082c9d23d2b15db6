"""Structured logs, one line per event, each with the correlation id of the story it belongs to."""

import logging
import sys

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from shared.correlation import current_correlation_id
from shared.settings import ServiceSettings


def _add_story(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.setdefault("correlation_id", current_correlation_id() or None)
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


def configure(service: str, settings: ServiceSettings) -> None:
    """Send this process's logs, the libraries' ones too, to standard output in the chosen shape."""
    shared_steps: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_story,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared_steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_steps,
            processors=[
                lambda _logger, _method, event: {"service": service, **event},
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    # Client libraries log addresses with their query strings; those may carry codes and tokens.
    for noisy in (
        "httpx",
        "httpcore",
        "httpx2",
        "httpcore2",
        "kombu",
        "amqp",
        "alembic",
        "uvicorn.access",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def get_logger() -> FilteringBoundLogger:
    """Return the logger; events are dotted past-tense words, facts are keyword arguments."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger
