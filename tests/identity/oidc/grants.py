"""Clients that ask without a browser, and the person who answers them on our pages."""

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from httpx2 import Response
from starlette.testclient import TestClient

from identity.relying_parties.grants import CIBA, DEVICE, TOKEN_EXCHANGE
from identity.relying_parties.options import ClientOptions
from shared import clock
from tests.identity.oidc.world import ASSERTION_TYPE, OIDC, Person, World
from tests.identity.people import People

JEAN = "jean@example.test"
REFRESH = "refresh_token"
PAYMENT = {
    "type": "payment_approval",
    "payment_run": "run-7",
    "amount": "120.50",
    "currency": "GBP",
}
RECORD = {"type": "record_access", "actions": ["read"], "record": "housing", "days": 7}


@dataclass
class Grants:
    """One person, and everything a client without a browser does."""

    world: World
    person: Person

    @property
    def people(self) -> People:
        return People(self.world)

    def register(self, client_id: str, *grants: str, **changes: object) -> None:
        options = changes.pop("options", {})
        assert isinstance(options, dict)
        self.world.register(
            client_id, grant_types=grants, options=ClientOptions(**options), **changes
        )

    def post(self, path: str, prover: str | None, /, **params: object) -> Response:
        """Send a form with an assertion of the client; None leaves a parameter out."""
        issuer = str(params.pop("issuer", OIDC))
        sent: dict[str, object] = {}
        if prover is not None:
            sent = {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.world.assertion(prover, issuer),
            }
        sent |= params
        form = {name: value for name, value in sent.items() if value is not None}
        return self.world.http.post(f"{issuer}{path}", data=form)

    # Devices

    def ask_device(self, client_id: str = "tv-app", **params: object) -> dict[str, Any]:
        params = {"client_id": client_id, "scope": "openid"} | params
        answer = self.post("/device_authorization", None, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]  # JSON of our own making

    def poll_device(
        self, device_code: str, client_id: str = "tv-app", **params: object
    ) -> Response:
        params = {"client_id": client_id} | params
        return self.post("/token", None, grant_type=DEVICE, device_code=device_code, **params)

    def enter(self, user_code: str, http: TestClient | None = None) -> str:
        """Enter a code on the page; returns the flow that it began."""
        answer = self.people.send("/identity/device", http=http, user_code=user_code)
        assert answer.status_code == 303, answer.text
        return flow_of(answer)

    def decide(self, flow: str, decision: str = "approve") -> Response:
        """Press a button of the last page."""
        answer: Response = self.people.send(f"/identity/approve?flow={flow}", decision=decision)
        return answer

    def approve_device(self, user_code: str) -> None:
        flow = self.enter(user_code)
        self.people.send(f"/identity/device/confirm?flow={flow}", decision="continue")
        page = self.world.http.get(f"/identity/continue?flow={flow}")
        assert page.headers["location"].startswith("/identity/approve"), page.headers
        done = self.decide(flow)
        assert "result=approved" in done.headers["location"], done.text

    # Decoupled sign-in

    def ask(self, client_id: str = "bank-service", **params: object) -> Response:
        params = {"scope": "openid", "login_hint": JEAN} | params
        return self.post("/bc-authorize", client_id, **params)

    def asked(self, client_id: str = "bank-service", **params: object) -> str:
        answer = self.ask(client_id, **params)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["auth_req_id"])

    def poll(self, auth_req_id: str, client_id: str = "bank-service", **params: object) -> Response:
        params = {"grant_type": CIBA, "auth_req_id": auth_req_id} | params
        return self.post("/token", client_id, **params)

    def open_request(self) -> Response:
        """Open the newest request of the account page."""
        request = self.world.scalar(
            "SELECT id FROM polled_request ORDER BY created_at DESC LIMIT 1"
        )
        answer: Response = self.people.send("/identity/requests", request=str(request))
        return answer

    def answer_request(self, decision: str = "approve") -> Response:
        flow = flow_of(self.open_request())
        page = self.world.http.get(f"/identity/continue?flow={flow}")
        assert page.headers["location"].startswith("/identity/approve"), page.headers
        return self.decide(flow, decision)

    def signed(self, client_id: str = "bank-service", **changes: object) -> str:
        """Return a signed request; a change of None leaves a member out."""
        now = int(clock.now().timestamp())
        claims: dict[str, object] = {
            "aud": OIDC,
            "iss": client_id,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": secrets.token_hex(8),
            "scope": "openid",
            "login_hint": JEAN,
            "sub": None,
        }
        return self.world.assertion(client_id, OIDC, **(claims | changes))  # type: ignore[arg-type]  # members by name

    def exchange(self, token: str, prover: str = "locker", /, **params: object) -> Response:
        params = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        } | params
        return self.post("/token", prover, **params)


def flow_of(answer: Response) -> str:
    """Return the flow that a redirect names."""
    return parse_qs(urlsplit(answer.headers["location"]).query)["flow"][0]


def error_of(answer: Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"])
