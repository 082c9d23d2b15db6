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


class _Output:
    """Where our own lines go: whatever standard output is when a line is written."""

    def __init__(self, *_names: str) -> None:
        pass

    def msg(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    debug = info = warning = error = critical = exception = msg


def configure(service: str, settings: ServiceSettings) -> None:
    """Send this process's logs, the libraries' ones too, to standard output in the chosen shape.

    Our own lines go straight to the output; the libraries' come through the standard handlers.
    """

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {"service": service, **event}

    steps: list[structlog.typing.Processor] = [
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
        processors=[*steps, name_service, renderer],
        logger_factory=_Output,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level]
        ),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=steps,
            processors=[
                name_service,
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
