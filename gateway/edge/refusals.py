"""Envoy's own refusals as RFC 9457 answers for programs and a page for people.

Each row maps what Envoy writes into ``response.code_details`` to our stable code. The texts of the
``jwt_authn`` filter are those of Envoy 1.40; a test pins them for the build that is accepted.
"""

from dataclasses import dataclass

Json = dict[str, object]
_TYPE = "type.googleapis.com/"


@dataclass(frozen=True)
class Refusal:
    """One of our error codes and the condition (CEL) under which Envoy's answer becomes it."""

    code: str
    status: int
    title: str
    condition: str
    challenge: str = ""
    retry_after: str = ""


def _jwt(reason: str) -> str:
    return f'response.code_details.startsWith("jwt_authn_access_denied{{{reason}")'


_INVALID = 'Bearer error="invalid_token"'
REFUSALS = (
    Refusal(
        "token_missing", 401, "This address needs an access token", _jwt("Jwt_is_missing"), "Bearer"
    ),
    Refusal("token_expired", 401, "The access token has expired", _jwt("Jwt_is_expired"), _INVALID),
    Refusal(
        "token_expired",
        401,
        "The access token is not valid yet",
        _jwt("Jwt_not_yet_valid"),
        _INVALID,
    ),
    Refusal(
        "issuer_unknown",
        401,
        "The token's issuer is not known here",
        _jwt("Jwt_issuer_is_not_configured"),
        _INVALID,
    ),
    Refusal(
        "audience_not_allowed",
        401,
        "The token is meant for somebody else",
        _jwt("Audiences_in_Jwt_are_not_allowed"),
        _INVALID,
    ),
    Refusal(
        "token_signature_invalid",
        401,
        "The token's signature is wrong",
        _jwt("Jwt_verification_fails"),
        _INVALID,
    ),
    Refusal(
        "signing_key_unknown",
        401,
        "The token's signing key is not known",
        _jwt("Jwks_doesn't_have_key"),
        _INVALID,
    ),
    Refusal("token_malformed", 401, "The access token cannot be read", _jwt(""), _INVALID),
    Refusal(
        "rate_limited",
        429,
        "Too many requests",
        "response.code_details == 'local_rate_limited'",
        "",
        "1",
    ),
    Refusal("body_too_large", 413, "The request is too large", "response.code == 413"),
    Refusal(
        "headers_too_large", 431, "The request's headers are too large", "response.code == 431"
    ),
    Refusal(
        "issuer_keys_unavailable",
        503,
        "Access tokens cannot be checked at the moment",
        "response.code_details == 'direct_response' && response.code == 503",
        "",
        "5",
    ),
    Refusal("upstream_timeout", 504, "The service took too long", "response.code == 504"),
    Refusal(
        "upstream_reset",
        502,
        "The service broke off its answer",
        "response.code == 502 || response.code_details.startsWith('upstream_reset_after')",
    ),
    Refusal(
        "upstream_unavailable",
        503,
        "The service is not available at the moment",
        "response.code == 503",
        "",
        "5",
    ),
    Refusal("not_found", 404, "There is nothing at this address", "response.code == 404"),
    Refusal("bad_path", 400, "The address cannot be read", "response.code == 400"),
)


def make_mappers() -> list[Json]:
    """Return the ``local_reply_config.mappers``: pages for people first, then problem+json."""
    return [_page()] + [_problem(refusal) for refusal in REFUSALS]


def _condition(expression: str) -> Json:
    return {
        "extension_filter": {
            "name": "cel",
            "typed_config": {
                "@type": f"{_TYPE}envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                "expression": expression,
            },
        }
    }


def _problem(refusal: Refusal) -> Json:
    body = {
        "type": f"urn:clachan:problem:{refusal.code}",
        "title": refusal.title,
        "status": refusal.status,
        "code": refusal.code,
        "request_id": "%REQ(x-request-id)%",
    }
    headers = {"content-type": "application/problem+json"}
    if refusal.challenge:
        headers["www-authenticate"] = refusal.challenge
    if refusal.retry_after:
        headers["retry-after"] = refusal.retry_after
    return {
        "filter": _condition(refusal.condition),
        "status_code": refusal.status,
        "body_format_override": {"json_format": body, "content_type": "application/problem+json"},
        "headers_to_add": [
            {
                "header": {"key": name, "value": value},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
            for name, value in headers.items()
        ],
    }


def _page() -> Json:
    wants_page = (
        "response.code >= 500 && 'accept' in request.headers"
        " && request.headers['accept'].contains('text/html')"
    )
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Sorry, there is a problem with the service</title></head><body><main>"
        "<h1>Sorry, there is a problem with the service</h1>"
        "<p>Try again in a few minutes. What you sent before is kept.</p>"
        "<p>If you tell somebody about it, say this: %REQ(x-request-id)%</p>"
        "</main></body></html>"
    )
    return {
        "filter": _condition(wants_page),
        "body_format_override": {
            "text_format_source": {"inline_string": html},
            "content_type": "text/html; charset=utf-8",
        },
        "headers_to_add": [
            {"header": {"key": "retry-after", "value": "5"}},
            {"header": {"key": "cache-control", "value": "no-store"}},
        ],
    }
