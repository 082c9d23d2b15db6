"""A client of the ScotAccount profile, and how it asks."""

import json
from pathlib import Path

import jsonschema_rs
from httpx2 import Response

import identity.oidc
from tests.identity.oidc.world import ASSERTION_TYPE, CALLBACK, SCOT, World

CLIENT = "sandboxscot01"
GPG45, ADDRESS, EMAIL = "scotaccount.gpg45.medium", "scotaccount.address", "scotaccount.email"
ALL = f"{GPG45} {ADDRESS} {EMAIL}"
_SCHEMA_FILE = Path(identity.oidc.__file__).parent / "schemas" / "scotaccount_claims_token_v2.json"
VALIDATOR = jsonschema_rs.Draft7Validator(
    json.loads(_SCHEMA_FILE.read_text()), validate_formats=True
)


def scot_world(world: World) -> World:
    """Return the world with a client of that profile in it."""
    world.register(CLIENT, profile="scotaccount", post_logout_uris=("https://council.example/",))
    return world


def authorize(scot: World, **changes: str | None) -> Response:
    return scot.authorize(SCOT, **({"client_id": CLIENT} | changes))


def redeem(scot: World, code: str, **changes: str | None) -> Response:
    return scot.redeem(code, SCOT, **({"client_id": CLIENT} | changes))


def form(scot: World, code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": scot.verifier,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": scot.assertion(CLIENT, f"{SCOT}/token"),
    }
