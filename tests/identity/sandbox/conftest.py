"""A sandbox client, and the API that steers it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from httpx2 import Response
from joserfc import jwt
from joserfc.jwk import KeySet

from identity.caching import versioned
from identity.relying_parties.options import ClientOptions
from shared.tokens import Claims
from tests.identity.oidc.world import OIDC, SCOT, World

CLIENT = "sandboxscot01"
ATTRIBUTES = f"{SCOT}/attributes/values"
GPG45, ADDRESS, EMAIL = "scotaccount.gpg45.medium", "scotaccount.address", "scotaccount.email"
SCOPE = f"openid {GPG45} {ADDRESS} {EMAIL}"
SANDBOX = ClientOptions(environment="sandbox")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versioned, "_CHECK_SECONDS", 0.0)


@pytest.fixture
def sandbox(world: World) -> World:
    world.register(CLIENT, profile="scotaccount", options=SANDBOX)
    world.register(
        "sandbox-control",
        grant_types=("client_credentials",),
        scopes=("identity.sandbox",),
        auth_method="client_secret_post",
    )
    return world


@pytest.fixture
def control(sandbox: World) -> Iterator[Callable[..., Response]]:
    """Call the API of the sandbox with a token of the control client."""
    runtime = sandbox.http.app.routes[-1].app.state.runtime  # type: ignore[attr-defined]  # the test client holds our own app
    real, keys = runtime.tokens, sandbox.http.get(f"{OIDC}/jwks.json").json()["keys"]
    runtime.tokens = _Tokens(keys)
    form = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-control",
        "client_secret": "an invented secret of more than forty letters",
    }
    token = sandbox.http.post(f"{OIDC}/token", data=form).json()["access_token"]

    def call(method: str, path: str, **body: object) -> Response:
        return sandbox.http.request(
            method,
            f"/identity/v1/sandbox{path}",
            headers={"Authorization": f"Bearer {token}"},
            json=body or None,
        )

    yield call
    runtime.tokens = real


class _Tokens:
    """Checks tokens with keys that lie at hand, as no server answers in these tests."""

    def __init__(self, keys: list[dict[str, Any]]) -> None:
        self._keys = keys

    def verify(self, token: str) -> Any:
        claims = jwt.decode(
            token, KeySet.import_key_set({"keys": self._keys}), algorithms=["ES256", "RS256"]
        ).claims
        scopes = frozenset(str(claims["scope"]).split())
        return Claims(str(claims["sub"]), str(claims["client_id"]), scopes, claims)
