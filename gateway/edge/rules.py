"""From policy to Envoy's resources: pure functions, JSON in and out (xDS v3)."""

from ipaddress import ip_address

from gateway.edge.policy import GOVSTACK_ROUTES, Edge, Route, Upstream
from gateway.edge.refusals import Json, make_mappers

_TYPE = "type.googleapis.com/"
_HTTP = f"{_TYPE}envoy.extensions.filters.http"
JWT_FILTER = "clachan.jwt"
TOKEN_REQUIREMENT = "platform"  # noqa: S105 - the name of a requirement
_SKEW_SECONDS = 60
_ADDRESSES = 50_000
_ALL_TOKENS = 1_000_000
# Trusting these from outside would let a caller choose what we log or who it is. Certificates of
# clients come to identity through an address of their own, never through this one.
_STRIPPED = [
    "x-envoy-original-path",
    "x-clachan-client",
    "x-clachan-scope",
    "x-forwarded-client-cert",
    "client-cert",
    # Says through which listener a request came.
    "x-clachan-listener",
]
_GOVSTACK = "govstack"


def make_bootstrap(edge: Edge, directory: str) -> Json:
    """Return the bootstrap: a loopback admin port and the places of the dynamic files."""
    return {
        "node": {"id": "clachan-edge", "cluster": "clachan"},
        "admin": {"address": _address("127.0.0.1", edge.admin_port)},
        "dynamic_resources": {
            "lds_config": _source(directory, "lds.json"),
            "cds_config": _source(directory, "cds.json"),
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{_TYPE}envoy.extensions.resource_monitors"
                        ".downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": 10_000,
                    },
                }
            ]
        },
    }


def make_resources(edge: Edge, directory: str) -> dict[str, Json]:
    """Return the content of each dynamic file by its name."""
    return {
        "cds.json": _resources([_cluster(item) for item in (*edge.upstreams, *_tracing(edge))]),
        "jwt.json": _resources([{"name": JWT_FILTER, **_typed(make_jwt_filter(edge))}], ecds=True),
        # Envoy takes one route table from a file, never two.
        "rds.json": _resources([make_routes(edge)]),
        "rds-govstack.json": _resources([_govstack_routes(edge)]),
        "lds.json": _resources(
            [
                _listener(edge, directory, "front", edge.listen_port, "rds.json"),
                *_govstack(edge, directory),
            ]
        ),
    }


def make_jwt_filter(edge: Edge) -> Json:
    """Return the token check: signature, issuer, audience and time; verified tokens are cached."""
    kind = f"{_HTTP}.jwt_authn.v3.JwtAuthentication"
    if edge.issuer.jwks is None:
        return {"@type": kind}
    provider = {
        "issuer": edge.issuer.issuer,
        "audiences": [edge.issuer.audience],
        "local_jwks": {"inline_string": edge.issuer.jwks},
        # Services check the token's scopes themselves, so they must see it.
        "forward": True,
        "require_expiration": True,
        "clock_skew_seconds": _SKEW_SECONDS,
        "payload_in_metadata": "claims",
        "jwt_cache_config": {"jwt_cache_size": 10_000, "jwt_max_token_size": 8_192},
    }
    return {
        "@type": kind,
        "providers": {"platform": provider},
        "requirement_map": {TOKEN_REQUIREMENT: {"provider_name": "platform"}},
        "bypass_cors_preflight": True,
    }


def make_routes(edge: Edge) -> Json:
    """Return the route table, longest prefixes first as the policy lists them."""
    return {
        "@type": f"{_TYPE}envoy.config.route.v3.RouteConfiguration",
        "name": "front",
        "request_headers_to_remove": _STRIPPED,
        "virtual_hosts": [
            {
                "name": "front",
                "domains": ["*"],
                "routes": [*_closed(), *(_route(route, edge) for route in edge.routes)],
            }
        ],
    }


def _govstack_routes(edge: Edge) -> Json:
    """Return the routes of the sandbox's own listener, which marks what comes through it."""
    mark = {
        "header": {"key": "x-clachan-listener", "value": _GOVSTACK},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    return {
        "@type": f"{_TYPE}envoy.config.route.v3.RouteConfiguration",
        "name": _GOVSTACK,
        "request_headers_to_remove": [*_STRIPPED[:-1], "authorization"],
        "request_headers_to_add": [mark],
        "virtual_hosts": [
            {
                "name": _GOVSTACK,
                "domains": ["*"],
                "routes": [_route(route, edge) for route in GOVSTACK_ROUTES],
            }
        ],
    }


def _govstack(edge: Edge, directory: str) -> list[Json]:
    if not edge.govstack_port:
        return []
    return [_listener(edge, directory, _GOVSTACK, edge.govstack_port, "rds-govstack.json")]


def _listener(edge: Edge, directory: str, name: str, port: int, routes: str) -> Json:
    """Return a listener with its filters in their order."""
    manager: Json = {
        "@type": f"{_TYPE}envoy.extensions.filters.network.http_connection_manager.v3"
        ".HttpConnectionManager",
        "stat_prefix": name,
        "rds": {"route_config_name": name, "config_source": _source(directory, routes)},
        "http_filters": _filters(edge, directory),
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "use_remote_address": True,
        "always_set_request_id_in_response": True,
        "server_header_transformation": "PASS_THROUGH",
        "common_http_protocol_options": {"idle_timeout": "300s"},
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "60s",
        "local_reply_config": {"mappers": make_mappers()},
        "access_log": [_access_log()],
    }
    if edge.otlp_host:
        manager["tracing"] = {
            "provider": {
                "name": "envoy.tracers.opentelemetry",
                "typed_config": {
                    "@type": f"{_TYPE}envoy.config.trace.v3.OpenTelemetryConfig",
                    "service_name": "edge",
                    "http_service": {
                        "http_uri": {
                            "uri": f"http://{edge.otlp_host}:{edge.otlp_port}/v1/traces",
                            "cluster": "telemetry",
                            "timeout": "1s",
                        }
                    },
                },
            }
        }
    return {
        "@type": f"{_TYPE}envoy.config.listener.v3.Listener",
        "name": name,
        "address": _address(edge.listen_host, port),
        "per_connection_buffer_limit_bytes": 1_048_576,
        "filter_chains": [
            {
                "filters": [
                    {"name": "envoy.filters.network.http_connection_manager", **_typed(manager)}
                ]
            }
        ],
    }


def _filters(edge: Edge, directory: str) -> list[Json]:
    jwt: Json = {
        "name": JWT_FILTER,
        "config_discovery": {
            "config_source": _source(directory, "jwt.json"),
            "type_urls": [f"{_HTTP}.jwt_authn.v3.JwtAuthentication"],
        },
    }
    return [
        {"name": "clachan.limit", **_typed(_limit(edge))},
        jwt,
        *(_body_filter(size) for size in _body_sizes(edge)),
        {"name": "clachan.router", **_typed({"@type": f"{_HTTP}.router.v3.Router"})},
    ]


def _closed() -> list[Json]:
    """Return the routes of what each process tells its operators only, on its own port."""
    return [
        {"name": "closed", "match": match, "direct_response": {"status": 404}}
        for match in ({"path": "/metrics"}, {"prefix": "/health/"})
    ]


def _limit(edge: Edge) -> Json:
    """Return the burst limit: a bucket for each client address, and a wide one for all together."""
    each = {
        "max_tokens": edge.requests_per_second * 2,
        "tokens_per_fill": edge.requests_per_second,
        "fill_interval": "1s",
    }
    everybody = {**each, "max_tokens": _ALL_TOKENS, "tokens_per_fill": _ALL_TOKENS}
    always = {"default_value": {"numerator": 100}}
    return {
        "@type": f"{_HTTP}.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "front",
        "token_bucket": everybody,
        "rate_limits": [{"actions": [{"remote_address": {}}]}],
        # No value: every address gets a bucket of its own. The default of 20 buckets would let the
        # 21st address empty the first one's, which is a way round the limit.
        "descriptors": [{"entries": [{"key": "remote_address"}], "token_bucket": each}],
        "max_dynamic_descriptors": _ADDRESSES,
        "always_consume_default_token_bucket": False,
        "filter_enabled": always,
        "filter_enforced": always,
    }


def _route(route: Route, edge: Edge) -> Json:
    made: Json = {"name": route.prefix, "match": {"prefix": route.prefix}}
    if route.needs_token and edge.issuer.jwks is None:
        # Without keys nobody can be judged: that is our trouble, not the caller's (503, not 401).
        return made | {"direct_response": {"status": 503, "body": {"inline_string": "keys"}}}
    # The size filter knows no routes of its own, so each route switches the smaller ones off.
    off = {"@type": f"{_TYPE}envoy.config.route.v3.FilterConfig", "disabled": True}
    per_filter: Json = {
        _body_name(size): off for size in _body_sizes(edge) if size < route.maximum_body_bytes
    }
    if route.needs_token:
        per_filter[JWT_FILTER] = {
            "@type": f"{_HTTP}.jwt_authn.v3.PerRouteConfig",
            "requirement_name": TOKEN_REQUIREMENT,
        }
    rewrite = {"prefix_rewrite": route.rewrite} if route.rewrite else {}
    return made | {
        "route": {
            "cluster": route.upstream,
            **rewrite,
            "timeout": f"{route.timeout_seconds:g}s",
            "retry_policy": {
                # Nothing has reached the service in these cases, so nothing can happen twice.
                "retry_on": "connect-failure,refused-stream",
                "num_retries": 3,
                "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"},
            },
        },
        "typed_per_filter_config": per_filter,
    }


def _body_sizes(edge: Edge) -> list[int]:
    return sorted({route.maximum_body_bytes for route in edge.routes})


def _body_name(size: int) -> str:
    return f"clachan.body.{size}"


def _body_filter(size: int) -> Json:
    kind = f"{_HTTP}.body_size_limit.v3.BodySizeLimit"
    return {"name": _body_name(size), **_typed({"@type": kind, "max_request_bytes": size})}


def _cluster(upstream: Upstream) -> Json:
    return {
        "@type": f"{_TYPE}envoy.config.cluster.v3.Cluster",
        "name": upstream.name,
        "type": "STATIC" if _is_address(upstream.host) else "STRICT_DNS",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": upstream.name,
            "endpoints": [
                {
                    "lb_endpoints": [
                        {"endpoint": {"address": _address(upstream.host, upstream.port)}}
                    ]
                }
            ],
        },
    }


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _tracing(edge: Edge) -> list[Upstream]:
    if not edge.otlp_host:
        return []
    return [Upstream("telemetry", edge.otlp_host, edge.otlp_port)]


def _access_log() -> Json:
    # The path stands without its query, which may carry codes and names.
    fields = {
        "service": "edge",
        "event": "request.proxied",
        "timestamp": "%START_TIME%",
        "request_id": "%REQ(x-request-id)%",
        "correlation_id": "%RESP(x-correlation-id)%",
        "traceparent": "%REQ(traceparent)%",
        "method": "%REQ(:method)%",
        "path": "%PATH(NQ)%",
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "milliseconds": "%DURATION%",
        "upstream": "%UPSTREAM_CLUSTER%",
        "bytes_sent": "%BYTES_SENT%",
    }
    return {
        "name": "stdout",
        **_typed(
            {
                "@type": f"{_TYPE}envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                "log_format": {"json_format": fields},
            }
        ),
    }


def _typed(config: Json) -> Json:
    return {"typed_config": config}


def _source(directory: str, name: str) -> Json:
    return {
        "resource_api_version": "V3",
        "path_config_source": {
            "path": f"{directory}/{name}",
            "watched_directory": {"path": directory},
        },
    }


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _resources(items: list[Json], *, ecds: bool = False) -> Json:
    if ecds:
        kind = f"{_TYPE}envoy.config.core.v3.TypedExtensionConfig"
        items = [{"@type": kind, **item} for item in items]
    return {"resources": items}
