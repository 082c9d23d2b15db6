"""A public body in front of the console: colleagues with roles, forms, keys."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from identity.accounts.actions import create_account
from identity.accounts.vault import Vault, open_vault
from identity.organisations.actions import add_service, save_organisation, set_staff_roles
from identity.organisations.rules import OPERATIONS
from identity.signin.actions import Visitor, open_session
from shared import clock
from shared.actors import SYSTEM
from shared.crypto import hash_token
from tests.identity.oidc.world import PUBLIC_URL, World, ec_key

CONSOLE = "/identity/console"
BODY = f"{CONSOLE}/strathclachan"
CALLBACK = "https://tax.strathclachan.example/callback"
_FIELD = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')


def pem(key: ECKey) -> str:
    return key.as_pem(private=False).decode()


@dataclass
class Colleague:
    """Somebody with a browser of their own."""

    http: TestClient
    account_id: UUID
    email: str

    def get(self, path: str) -> Any:
        return self.http.get(path)

    def post(self, path: str, **fields: object) -> Any:
        """Send a form with the browser's token; double underscores in names stand for dashes."""
        token = _FIELD.search(self.http.get("/identity/sign-in").text)
        assert token is not None
        data = {name.replace("__", "-"): value for name, value in fields.items()}
        return self.http.post(path, data={"csrf_token": token[1], **data})


@dataclass
class Office:
    """One provider with two bodies and the people of both."""

    world: World
    people: dict[str, Colleague] = field(default_factory=dict)

    @property
    def vault(self) -> Vault:
        return open_vault(self.world.database, self.world.sealer)

    def found(self) -> None:
        """Make the bodies of the tests."""
        with self.world.database.transaction() as session:
            for slug, name in (
                ("strathclachan", "Strathclachan Council"),
                ("glenmore", "Glenmore Housing Partnership"),
                (OPERATIONS, "Clachan Operations"),
            ):
                save_organisation(session, SYSTEM, slug=slug, name=name, now=clock.now())

    def person(self, name: str, *roles: str, body: str = "strathclachan") -> Colleague:
        """Return a signed-in person with these roles at a body, made when first asked for."""
        if name in self.people:
            return self.people[name]
        now, email = clock.now(), f"{name}@{body}.example"
        with self.world.database.transaction() as session:
            account_id = create_account(
                session,
                self.vault,
                email=email,
                password_hash="none",
                language="en",
                display_name=name.title(),
                now=now,
            )
            assert account_id is not None
            if roles:
                set_staff_roles(
                    session,
                    SYSTEM,
                    account_id=account_id,
                    organisation=body,
                    roles=list(roles),
                    now=now,
                )
        self.people[name] = Colleague(self.browser(account_id), account_id, email)
        return self.people[name]

    def browser(self, account_id: UUID | None = None) -> TestClient:
        """Return a new browser, signed in where an account is given."""
        http = TestClient(self.world.http.app, base_url=PUBLIC_URL, follow_redirects=False)
        if account_id is not None:
            visitor = Visitor(hash_token("another browser"), "127.0.0.1", "Firefox", "en")
            with self.world.database.transaction() as session:
                opened = open_session(session, visitor, account_id=account_id, now=clock.now())
            http.cookies.set("clachan-session", opened.cookie)
        return http

    @property
    def owner(self) -> Colleague:
        return self.person("olive", "identity.owner")

    @property
    def developer(self) -> Colleague:
        return self.person("dougal", "identity.developer")

    @property
    def viewer(self) -> Colleague:
        return self.person("vera", "identity.viewer")

    @property
    def operator(self) -> Colleague:
        return self.person("oona", "platform.operator", body=OPERATIONS)

    @property
    def neighbour(self) -> Colleague:
        """Somebody who owns another body."""
        return self.person("gregor", "identity.owner", body="glenmore")

    @property
    def citizen(self) -> Colleague:
        return self.person("isla")

    def service(self) -> UUID:
        """Add a service to the council."""
        with self.world.database.transaction() as session:
            return add_service(
                session,
                SYSTEM,
                "strathclachan",
                name="Council tax",
                purpose="People pay their council tax",
                now=clock.now(),
            )

    def register(self, service: UUID, environment: str = "sandbox", **changes: object) -> Any:
        """Answer every question as the developer does; returns the last answer."""
        who = self.developer
        answer = who.post(f"{BODY}/services/{service}/clients/{environment}")
        assert answer.status_code == 303, answer.text
        draft = answer.headers["location"].rpartition("/")[0]
        fields = answers(**changes)
        for question, values in fields.items():
            answer = who.post(f"{draft}/{question}", **values)
            if answer.status_code != 303:
                return answer
        return who.post(draft)

    def client(self, service: UUID, environment: str = "sandbox", **changes: object) -> str:
        """Register a client and return its id."""
        answer = self.register(service, environment, **changes)
        assert answer.status_code == 200, answer.text
        found = re.search(r'id="fact-client_id">([a-z0-9]+)<', answer.text)
        assert found is not None, answer.text
        return found[1]


def answers(**changes: object) -> dict[str, dict[str, object]]:
    """Return good answers to every question, in order; a change replaces one field."""
    fields: dict[str, dict[str, object]] = {
        "name": {"name": "Council tax", "landing_page": ""},
        "software": {"profile": "oidc"},
        "redirects": {"redirect_uris": CALLBACK},
        "sign_out": {"post_logout_uris": "", "backchannel_logout_uri": ""},
        "keys": {"credential": "keys", "keys": pem(ec_key()), "jwks_uri": ""},
        "scopes": {"scopes": ["email"], "purpose__email": "To send the bill"},
        "contacts": {"contacts": "web@strathclachan.example"},
    }
    for values in fields.values():
        values.update({name: changes[name] for name in values.keys() & changes.keys()})
    if "purposes" in changes:
        fields["scopes"].update(changes["purposes"])  # type: ignore[arg-type]  # a double, or a value that the test chose
    return fields
