"""The four services in one process, and a stand-in issuer whose tokens they accept."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from gateway.settings import GatewaySettings
from gateway.web import create_app as make_gateway
from identity.relying_parties.profiles import PLAIN
from identity.settings import IdentitySettings
from identity.web import create_app as make_identity
from notifications.settings import NotificationsSettings
from notifications.web import create_app as make_notifications
from payments.settings import PaymentsSettings
from payments.web import create_app as make_payments
from shared.settings import ServiceSettings
from shared.tokens import TokenVerifier

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("identity", "payments", "notifications", "gateway")
SECRET = "contracts-" * 4
_CLIENTS = ROOT / "deploy" / "demo" / "relying_parties.yaml"


def service_accounts() -> dict[str, frozenset[str]]:
    """Return the scopes that each service account of the demonstration may ask for."""
    listed = yaml.safe_load(_CLIENTS.read_text(encoding="utf-8"))["relying_parties"]
    return {
        client["client_id"]: frozenset(client.get("scopes", ()))
        for client in listed
        if client.get("grant_types") == ["client_credentials"]
    }


def scopes_for_programs() -> frozenset[str]:
    """Return every scope for which some client of the demonstration gets a token of its own."""
    listed = yaml.safe_load(_CLIENTS.read_text(encoding="utf-8"))["relying_parties"]
    granted = [
        set(client.get("scopes", ()))
        for client in listed
        if "client_credentials" in client.get("grant_types", ())
    ]
    return frozenset(set().union(*granted) - set(PLAIN.scopes))


class OneKey:
    """A source of keys that holds one."""

    def __init__(self, key: ECKey) -> None:
        self._key = key

    def find(self, kid: str) -> ECKey | None:
        return self._key if kid == self._key.kid else None


@dataclass(frozen=True)
class Issuer:
    """Signs access tokens as identity does; its changes make bad ones."""

    url: str
    key: ECKey

    def token(self, client_id: str, scope: str, **changes: object) -> str:
        now = int(time.time())
        claims = {
            "iss": f"{self.url}/identity/oidc",
            "aud": self.url,
            "sub": client_id,
            "client_id": client_id,
            "organisation": "clachan",
            "scope": scope,
            "iat": now - 60,
            "exp": now + 600,
            "jti": f"{client_id}-{now}",
        }
        return self.sign(claims | changes)

    def sign(self, claims: Mapping[str, object], kind: str = "at+jwt") -> str:
        header = {"alg": "ES256", "kid": self.key.kid, "typ": kind}
        return jwt.encode(header, dict(claims), self.key, algorithms=["ES256"])

    async def answer(self, request: Request) -> Response:
        """Give a service account a token, but only for scopes that are its own."""
        form = await request.form()
        payload = str(form["client_assertion"]).split(".")[1]
        client_id = json.loads(base64.urlsafe_b64decode(payload + "=="))["sub"]
        scope = str(form["scope"])
        if not service_accounts()[client_id].issuperset(scope.split()):
            return JSONResponse({"error": "invalid_scope"}, 400)
        return JSONResponse({"access_token": self.token(client_id, scope), "expires_in": 300})


@dataclass(frozen=True)
class Door:
    """One route as a caller sees it, and what it asks of them."""

    method: str
    path: str
    asks: frozenset[str]

    @property
    def scope(self) -> str | None:
        """The scope that a program needs, None when there is no such demand."""
        scopes = [name for name in self.asks if name.startswith("require_scope_")]
        return scopes[0].removeprefix("require_scope_") if scopes else None

    @property
    def decision(self) -> str:
        """The route's authentication decision in a word."""
        if self.scope is not None:
            return f"scope {self.scope}"
        roles = [name for name in self.asks if name.startswith("require_role_")]
        if roles:
            return roles[0].removeprefix("require_role_").replace("_or_", " or ")
        return "signed in" if "signed_in" in self.asks else "public"


@dataclass(frozen=True)
class Service:
    """A service's application, ready to be called."""

    name: str
    app: Starlette
    settings: ServiceSettings

    @property
    def api_path(self) -> str:
        """Where its API is mounted."""
        return f"/{self.name}/v1"

    @property
    def api(self) -> FastAPI:
        """Its API app."""
        return self._mounted()[self.api_path]

    def doors(self, *, of_api: bool) -> Iterator[Door]:
        """Yield every route of the API, or of the pages, with a path that can be opened."""
        for prefix, app in self._mounted().items():
            # Protocols of others: who may come there is what their own tests hold.
            is_protocol = prefix == "/payments/govstack" or (
                prefix.startswith("/identity/") and prefix != self.api_path
            )
            if is_protocol or (prefix == self.api_path) != of_api:
                continue
            for route in iter_route_contexts(app.routes):
                dependant = getattr(route, "dependant", None)
                if dependant is None:
                    continue
                asks = frozenset(_calls(dependant))
                for method in sorted(route.methods or ()):
                    yield Door(method, prefix + str(route.path), asks)

    def dispose(self) -> None:
        """Close the connections to the database."""
        for app in self._mounted().values():
            app.state.runtime.database.engine.dispose()

    def _mounted(self) -> dict[str, FastAPI]:
        return {
            route.path: route.app
            for route in self.app.routes
            if isinstance(route, Mount) and isinstance(route.app, FastAPI)
        }


def _calls(dependant: Dependant) -> Iterator[str]:
    for inner in dependant.dependencies:
        yield getattr(inner.call, "__name__", type(inner.call).__name__)
        yield from _calls(inner)


@dataclass(frozen=True)
class House:
    """All services as behind one address."""

    url: str
    issuer: Issuer
    services: Mapping[str, Service]

    def app(self) -> ASGIApp:
        """Return what Envoy shows: each service by its prefix, the rest from the gateway."""
        by_prefix = [
            Mount(f"/{name}", _Rooted(self.services[name].app))
            for name in ("payments", "notifications")
        ]
        token = Route("/identity/oidc/token", self.issuer.answer, methods=["POST"])
        return Starlette(routes=[token, *by_prefix, Mount("", self.services["gateway"].app)])


class _Rooted:
    """Hands a request on with its whole path, as Envoy does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - the ASGI interface
        await self._app({**scope, "root_path": ""}, receive, send)


def make_house(
    url: str, database_urls: Mapping[str, str], key_file: Path, folder: Path, **outside: str
) -> House:
    """Return the four services on real databases; ``outside`` names parties outside."""
    pem = folder / "service.pem"
    pem.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    key = ECKey.generate_key("P-256")
    key.ensure_kid()
    issuer = Issuer(url, key)
    nowhere = "http://127.0.0.1:9"

    def common(service: str) -> dict[str, object]:
        return {
            "environment": "test",
            "public_url": url,
            "port": 1,
            "database_url": database_urls[service],
            "broker_url": "redis://127.0.0.1:1/0",
            "secret_key": SECRET,
            "encryption_key_file": key_file,
            "private_key_file": pem,
        }

    bank = {"bank_url": nowhere, "payee_names_url": outside.get("payee_names_url", nowhere)}
    settings = {
        "identity": IdentitySettings(**common("identity")),  # type: ignore[arg-type]  # members by name
        "payments": PaymentsSettings(**common("payments"), **bank),  # type: ignore[arg-type]  # members by name
        "notifications": NotificationsSettings(**common("notifications")),  # type: ignore[arg-type]  # members by name
        "gateway": GatewaySettings(**common("gateway"), journeys_private_key_file=pem),  # type: ignore[arg-type]  # members by name
    }
    apps = {
        "identity": make_identity(settings["identity"]),  # type: ignore[arg-type]  # a double, or a value that the test chose
        "payments": make_payments(settings["payments"]),  # type: ignore[arg-type]  # a double, or a value that the test chose
        "notifications": make_notifications(settings["notifications"]),  # type: ignore[arg-type]  # a double, or a value that the test chose
        "gateway": make_gateway(settings["gateway"]),  # type: ignore[arg-type]  # a double, or a value that the test chose
    }
    services = {name: Service(name, apps[name], settings[name]) for name in SERVICES}  # type: ignore[arg-type]  # a double, or a value that the test chose
    for service in services.values():
        for mounted in service._mounted().values():
            verifier = TokenVerifier(f"{url}/identity/oidc", url, OneKey(key))  # type: ignore[arg-type]  # a double, or a value that the test chose
            mounted.state.runtime.tokens = verifier
    return House(url, issuer, services)
