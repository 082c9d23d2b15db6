"""What a client of another service makes of answers that are not that service's own."""

from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from shared.clients.base import ServiceClient, ServiceTokens, ServiceUnavailableError
from shared.errors import Problem


def make_client(answer: httpx.Response) -> ServiceClient:
    client = ServiceClient.__new__(ServiceClient)
    client._service = "payments"
    client._base = "http://there/payments/v1"
    client._http = httpx.Client(transport=httpx.MockTransport(lambda _request: answer))
    client._tokens = cast("ServiceTokens", SimpleNamespace(get=lambda _scope: "token"))
    return client


@pytest.mark.parametrize("status", [200, 404, 413, 429, 502])
@pytest.mark.parametrize("body", ["<h1>No route</h1>", "null", "3"])
def test_what_stands_in_between_is_no_answer(status: int, body: str) -> None:
    client = make_client(httpx.Response(status, text=body))
    with pytest.raises(ServiceUnavailableError):
        client.call("GET", "/payments/x", "payments.read")


def test_a_refusal_keeps_its_words() -> None:
    words = {"code": "run_busy", "title": "Busy", "fields": [{"field": "a", "message": "b"}]}
    client = make_client(httpx.Response(409, json=words))
    with pytest.raises(Problem) as refused:
        client.call("POST", "/payments", "payments.write")
    assert (refused.value.code, refused.value.status) == ("run_busy", 409)
    assert refused.value.fields[0].message == "b"
