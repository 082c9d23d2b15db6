"""What a client under certification does: asks, reads the answer wherever it is, checks everything.

One ``Run`` is one variant of a plan: a response type and a way for the answer to travel.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx2 import Response
from joserfc import jws
from joserfc.jwk import JWKRegistry

from identity.accounts.actions import create_account
from identity.accounts.passwords import hash_password
from identity.accounts.vault import open_vault
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import RESPONSE_TYPES
from shared import clock
from tests.identity.conformance.modules import MODULES, function_of
from tests.identity.oidc.world import CALLBACK, OIDC, SECRET, World, b64
from tests.identity.people import PASSWORD, People

CLIENT = "certified-client"
EMAIL = "jean@example.test"
OTHER_CALLBACK = f"{CALLBACK}/other?kept=yes"
_TYPES = {
    "basic": ("code",),
    "implicit": ("id_token", "id_token token"),
    "hybrid": ("code id_token", "code token", "code id_token token"),
}
_PREFIX = {False: "", True: "formpost-"}
_INPUT = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_CHOICE = re.compile(r'name="(share_[a-z_0-9]+)"')
_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')

Function = Callable[..., None]


@dataclass(frozen=True)
class Variant:
    """One response type of one plan."""

    plan: str
    response_type: str
    form_post: bool

    def __str__(self) -> str:
        words = "-".join(self.response_type.split())
        return f"form-{words}" if self.form_post else words

    def brings(self, word: str) -> bool:
        return word in self.response_type.split()


def _variants(module: str) -> list[Variant]:
    return [
        Variant(plan, response_type, form_post)
        for plan, response_types in _TYPES.items()
        for form_post in (False, True)
        if module
        in MODULES[f"oidcc-{'formpost-' if form_post else ''}{plan}-certification-test-plan"]
        for response_type in response_types
    ]


def in_its_plans(function: Function) -> Function:
    """Run a test in every variant of every plan that lists the module of its name."""
    names = {function_of(name): name for modules in MODULES.values() for name in modules}
    variants = _variants(names[function.__name__])
    assert variants, "the module stands in none of these plans"
    # Where the ID token comes through the browser a nonce is needed, elsewhere it is not.
    if "without_nonce" in function.__name__:
        needed = function.__name__.endswith("_fails")
        variants = [one for one in variants if one.brings("id_token") == needed]
    return pytest.mark.parametrize("run", variants, indirect=True, ids=str)(function)


@cache
def _password_hash() -> str:
    return hash_password(PASSWORD)


@dataclass
class Run:
    """A client of one variant, and the person who uses it."""

    world: World
    variant: Variant
    auth_method: str = "client_secret_basic"
    callback: str = CALLBACK
    client_id: str = CLIENT

    def register(self, **options: object) -> None:
        """Register the client as its operator would for certification."""
        self.world.register(
            self.client_id,
            auth_method=self.auth_method,
            redirect_uris=(CALLBACK, OTHER_CALLBACK),
            scopes=("openid", "profile", "email", "address", "phone", "offline_access"),
            pkce="exempt",
            id_token_alg="RS256",
            options=self.options(**options),
        )

    def options(self, **others: object) -> ClientOptions:
        """Return what only a client that is being certified registers."""
        return ClientOptions(
            response_types=RESPONSE_TYPES,
            permit_missing_nonce=True,
            **others,  # type: ignore[arg-type]  # names of options
        )

    def add_person(self) -> None:
        """Make an account with a name, as a person who has used the pages has it."""
        vault = open_vault(self.world.database, self.world.sealer)
        with self.world.database.transaction() as session:
            create_account(
                session,
                vault,
                email=EMAIL,
                password_hash=_password_hash(),
                language="en",
                now=clock.now(),
                display_name="Jean Example",
            )

    def ask(self, **changes: str | None) -> Response:
        """Send an authorization request of this variant, without PKCE."""
        return self.world.authorize(
            OIDC,
            **{
                "client_id": self.client_id,
                "response_type": self.variant.response_type,
                "response_mode": "form_post" if self.variant.form_post else None,
                "redirect_uri": self.callback,
                "code_challenge": None,
                "code_challenge_method": None,
            }
            | changes,
        )

    def read(self, response: Response) -> dict[str, str]:
        """Return the answer; it must have travelled in the way of the variant."""
        if self.variant.form_post:
            assert response.status_code == 200, response.text
            assert f'action="{self.callback}"' in unescape(response.text)
            assert "<button" in response.text
            return {name: unescape(value) for name, value in _INPUT.findall(response.text)}
        assert response.status_code in (302, 303), response.text
        location = urlsplit(response.headers["location"])
        assert response.headers["location"].startswith(self.callback)
        in_fragment = self.variant.response_type != "code"
        assert bool(location.fragment) == in_fragment
        sent = parse_qs(location.fragment if in_fragment else location.query)
        return {name: values[0] for name, values in sent.items()}

    def sign_in(self, response: Response) -> Response:
        """Sign in on the page that a request led to, agree to everything, and return the answer."""
        location = self.page_to_sign_in(response)
        people = People(self.world)
        if location.startswith("/identity/confirm"):
            return self.go_on(people.send(location, password=PASSWORD))
        sent = people.send(location, email=EMAIL, password=PASSWORD)
        assert sent.status_code == 303, sent.text
        opened = people.send(sent.headers["location"], code=people.newest_code())
        return self.go_on(opened)

    def page_to_sign_in(self, response: Response) -> str:
        """Return the page that asks for the password: a short one where somebody is signed in."""
        location: str = response.headers["location"]
        assert urlsplit(location).path == "/identity/sign-in", location
        page = self.world.http.get(location)
        short = page.headers.get("location", location)
        assert 'id="password"' in self.world.http.get(short).text
        return short

    def go_on(self, response: Response) -> Response:
        """Follow our own pages, agreeing where asked, until the answer for the client."""
        for _ in range(5):
            location = response.headers.get("location", "")
            if not location.startswith("/identity/"):
                return response
            page = self.world.http.get(location)
            if page.status_code == 200 and "/identity/consent" in location:
                token = _TOKEN.search(page.text)
                assert token is not None
                chosen = dict.fromkeys(_CHOICE.findall(page.text), "yes")
                page = self.world.http.post(location, data={"csrf_token": token[1], **chosen})
            response = page
        raise AssertionError("the pages do not come to an end")

    def start(self, **changes: str | None) -> dict[str, str]:
        """Ask in a fresh browser, sign in and return the answer."""
        return self.read(self.sign_in(self.ask(**changes)))

    def redeem(self, code: str, **changes: str | None) -> Response:
        """Redeem a code with the client's secret."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback}
        return self.post("/token", **form | changes)

    def post(self, path: str, **form: str | None) -> Response:
        sent = {name: value for name, value in form.items() if value is not None}
        headers = {}
        if self.auth_method == "client_secret_basic":
            pair = base64.b64encode(
                f"{self.client_id}:{SECRET.replace(' ', '+')}".encode()
            ).decode()
            headers["Authorization"] = f"Basic {pair}"
        else:
            sent |= {"client_id": self.client_id, "client_secret": SECRET}
        return self.world.http.post(f"{OIDC}{path}", data=sent, headers=headers)

    def finish(self, answer: dict[str, str], nonce: str | None = "n/nce==") -> "Tokens":
        """Redeem what is to be redeemed and check every token that came."""
        assert "error" not in answer, answer
        for word, member in (("code", "code"), ("id_token", "id_token"), ("token", "access_token")):
            assert (member in answer) == self.variant.brings(word)
        given = Tokens(self.world, dict(answer), client_id=self.client_id)
        if "id_token" in answer:
            given.id_tokens.append(given.check(answer["id_token"], nonce, answer))
        if "code" in answer:
            response = self.redeem(answer["code"])
            assert response.status_code == 200, response.text
            assert response.headers["cache-control"] == "no-store"
            body = response.json()
            given.id_tokens.append(given.check(body["id_token"], nonce, body))
            given.access_token, given.body = body["access_token"], body
        assert len({str(one["sub"]) for one in given.id_tokens}) == 1
        return given


@dataclass
class Tokens:
    """What a client holds at the end."""

    world: World
    answer: dict[str, str]
    access_token: str = ""
    body: dict[str, str] = field(default_factory=dict)
    id_tokens: list[dict[str, object]] = field(default_factory=list)
    client_id: str = CLIENT

    def __post_init__(self) -> None:
        self.access_token = self.answer.get("access_token", "")

    @property
    def claims(self) -> dict[str, object]:
        """The newest ID token."""
        return self.id_tokens[-1]

    def check(self, token: str, nonce: str | None, beside: dict[str, str]) -> dict[str, object]:
        """Return the claims of an ID token after every check of Core, sections 3.1.3.7 and 3.3."""
        header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
        keys = self.world.http.get(f"{OIDC}/jwks.json").json()["keys"]
        key = JWKRegistry.import_key(next(one for one in keys if one["kid"] == header["kid"]))
        assert header["alg"] == "RS256"
        claims: dict[str, object] = json.loads(
            jws.deserialize_compact(token, key, algorithms=["RS256"]).payload
        )
        now = clock.now().timestamp()
        assert (claims["iss"], claims["aud"]) == (OIDC, self.client_id)
        assert float(str(claims["iat"])) <= now < float(str(claims["exp"]))
        assert claims.get("nonce") == nonce
        for name, member in (("at_hash", "access_token"), ("c_hash", "code")):
            expected = _half(beside[member]) if member in beside else None
            assert claims.get(name) == expected
        return claims

    def about_person(self) -> dict[str, object]:
        """Return the claims of UserInfo, or of the ID token where it is all there is."""
        if not self.access_token:
            return self.claims
        answer = self.userinfo()
        assert answer.status_code == 200, answer.text
        told: dict[str, object] = answer.json()
        assert told["sub"] == self.claims["sub"]
        return told

    def userinfo(self) -> Response:
        bearer = {"Authorization": f"Bearer {self.access_token}"}
        return self.world.http.get(f"{OIDC}/userinfo", headers=bearer)


def _half(value: str) -> str:
    return b64(hashlib.sha256(value.encode()).digest()[:16])
