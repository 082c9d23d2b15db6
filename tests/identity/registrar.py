"""A program that registers clients, and those clients as they use what they were given."""

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from httpx2 import Response

from identity.registration.actions import issue_initial_token
from shared import clock
from shared.actors import SYSTEM
from tests.identity.oidc.world import (
    ASSERTION_TYPE,
    CALLBACK,
    OIDC,
    World,
    answer_of,
    ec_key,
)

REGISTER = f"{OIDC}/register"


@dataclass
class DynamicClient:
    """A client that registered itself; ``about`` is what it was answered."""

    world: World
    about: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.about["client_id"])

    @property
    def place(self) -> str:
        return str(self.about["registration_client_uri"])

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.about['registration_access_token']}"}

    @property
    def redirect_uri(self) -> str:
        return str(self.about["redirect_uris"][0])

    def authorize(self, **changes: str | None) -> Response:
        """Send a request without PKCE, as the conformance plans do."""
        params: dict[str, str | None] = {
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "code_challenge": None,
            "code_challenge_method": None,
        }
        return self.world.authorize(OIDC, **(params | changes))

    def code(self, **changes: str | None) -> str:
        answer = answer_of(self.authorize(**changes))
        assert "code" in answer, answer
        return answer["code"]

    def ask_token(self, **form: str | None) -> Response:
        """Send a token request with the method that was registered; None leaves a member out."""
        headers: dict[str, str] = {}
        sent: dict[str, str | None] = {}
        method = self.about["token_endpoint_auth_method"]
        if method == "client_secret_basic":
            pair = f"{quote(self.id)}:{quote(str(self.about['client_secret']))}"
            headers = basic(pair)
        elif method == "client_secret_post":
            sent = {"client_id": self.id, "client_secret": str(self.about["client_secret"])}
        elif method == "private_key_jwt":
            sent = {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.world.assertion(self.id),
            }
        else:
            sent = {"client_id": self.id}
        data = {name: value for name, value in (sent | form).items() if value is not None}
        return self.world.http.post(f"{OIDC}/token", data=data, headers=headers)

    def redeem(self, code: str, **form: str | None) -> Response:
        return self.ask_token(
            **{
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                **form,
            }
        )

    def tokens(self, **changes: str | None) -> dict[str, str]:
        """Return the tokens of a person who is signed in and agrees to everything."""
        answer = self.redeem(self.code(**changes))
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]  # JSON of our own making


@dataclass
class Registrar:
    """A program with an initial access token."""

    world: World
    token: str

    @classmethod
    def create(cls, world: World, *, uses: int = 50, certification: bool = True) -> "Registrar":
        with world.database.transaction() as session:
            issued = issue_initial_token(
                session,
                SYSTEM,
                label="tests",
                organisation="strathclachan",
                uses=uses,
                life=timedelta(days=1),
                certification=certification,
                now=clock.now(),
            )
        return cls(world, issued.token)

    def post(self, **metadata: object) -> Response:
        """Send a registration; a member of None is left out."""
        members = {"redirect_uris": [CALLBACK], "client_name": "Glenmore repairs"} | metadata
        document = {name: value for name, value in members.items() if value is not None}
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.world.http.post(REGISTER, json=document, headers=headers)

    def register(self, **metadata: object) -> DynamicClient:
        answer = self.post(**metadata)
        assert answer.status_code == 201, answer.text
        return DynamicClient(self.world, answer.json())

    def refusal(self, **metadata: object) -> str:
        """Return the error of a registration that is refused, and see that nothing was kept."""
        before = self.world.scalar("SELECT count(*) FROM relying_party")
        answer = self.post(**metadata)
        assert answer.status_code == 400, answer.text
        assert self.world.scalar("SELECT count(*) FROM relying_party") == before
        return str(answer.json()["error"])


def basic(pair: str) -> dict[str, str]:
    """Return a Basic header."""
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def public_jwks() -> dict[str, object]:
    """Return a key set whose private half ``World.assertion`` signs with."""
    return {"keys": [ec_key().as_dict(private=False) | {"kid": ec_key().thumbprint()}]}
