"""A person with factors in front of the pages."""

import re
from typing import Any

import pyotp
from starlette.testclient import TestClient

from tests.identity.factors.authenticator import Authenticator, options_of
from tests.identity.people import PASSWORD, People

EMAIL = "ann@person.example"
SECURITY = "/identity/account/security"
NEW_PASSKEY = f"{SECURITY}/passkeys/new"
APP = f"{SECURITY}/authenticator-app"
BACKUP = f"{SECURITY}/backup-codes"
_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')
_ENROLMENT = re.compile(r'name="enrolment" value="([^"]+)"')


def post(people: People, path: str, http: TestClient | None = None, **fields: str) -> Any:
    """Send a form of a page that was not loaded for it."""
    http = http or people.http
    token = _TOKEN.search(http.get("/identity/create-account").text)
    assert token is not None
    data = {name.replace("__", "-"): value for name, value in fields.items()}
    return http.post(path, data={"csrf_token": token[1], **data})


def add_passkey(people: People, key: Authenticator | None = None, name: str = "My phone") -> Any:
    """Add a passkey for who is signed in; returns the key."""
    key = key or Authenticator()
    answer = key.register(options_of(people.http.get(NEW_PASSKEY).text))
    done = post(people, NEW_PASSKEY, name=name, credential=answer)
    assert done.headers["location"] == f"{SECURITY}?done=passkey-added", done.text
    return key


def add_app(people: People) -> str:
    """Add an authenticator app for who is signed in; returns its secret, a step behind."""
    page = people.http.get(APP).text
    found, enrolment = re.search(r'id="secret">([A-Z2-7 ]+)<', page), _ENROLMENT.search(page)
    assert found is not None, page
    assert enrolment is not None
    secret = found[1].replace(" ", "")
    done = post(people, APP, enrolment=enrolment[1], code=pyotp.TOTP(secret).now())
    assert done.headers["location"] == f"{SECURITY}?done=app-added", done.text
    # As if it had been added a while ago: the code of this moment is not spent yet.
    people.world.execute("UPDATE totp SET last_step = last_step - 10")
    return secret


def make_codes(people: People) -> list[str]:
    """Make backup codes for who is signed in and read them off the page."""
    page = post(people, BACKUP).text
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", page)
    assert len(codes) == 10
    return codes


def password_step(people: People, http: TestClient, flow: str = "") -> str:
    """Send address and password; returns where the second factor is asked for."""
    query = f"?flow={flow}" if flow else ""
    answer = people.send(f"/identity/sign-in{query}", http=http, email=EMAIL, password=PASSWORD)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def level(people: People) -> tuple[str, list[str]]:
    """Return level and methods of the newest session."""
    newest = "FROM sign_in_session ORDER BY id DESC LIMIT 1"
    methods = people.world.scalar(f"SELECT array_to_string(methods, ' ') {newest}")
    return str(people.world.scalar(f"SELECT level {newest}")), str(methods).split()


def notices(people: People) -> list[str]:
    """Return what the owner was told, the oldest first."""
    statement = (
        "SELECT string_agg(payload ->> 'what', ' ' ORDER BY id) FROM outbox"
        " WHERE topic = 'identity.accounts.tell_owner'"
    )
    return str(people.world.scalar(statement) or "").split()
