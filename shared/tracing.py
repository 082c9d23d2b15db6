"""OpenTelemetry, switched on by one setting: the collector's address."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from shared.correlation import current_correlation_id
from shared.settings import ServiceSettings

_tracer = trace.get_tracer("clachan")


def configure(service: str, settings: ServiceSettings) -> None:
    """Send spans to the collector that the settings name; without one nothing is recorded."""
    if not settings.otlp_endpoint:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def is_on() -> bool:
    """Tell whether spans are recorded at all."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@contextmanager
def in_span(
    name: str, traceparent: str | None, attributes: Mapping[str, str | int] | None = None
) -> Iterator[trace.Span]:
    """Run a block as a span, child of the given trace context where there is one."""
    parent = propagate.extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(
        name, context=parent, attributes=dict(attributes or {})
    ) as span:
        span.set_attribute("clachan.correlation_id", current_correlation_id())
        yield span
