"""The modules of oidcc-rp-initiated-logout-certification-test-plan."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx2 import Response

from tests.identity.oidc.world import OIDC, World
from tests.identity.registrar import Registrar

AFTER = "https://council.example/after"
_FIELD = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')


@dataclass
class Leaving:
    """A client whose person is signed in, and what it sends when they leave."""

    world: World
    hint: str

    def ask(self, **params: str) -> Response:
        return self.world.http.get(f"{OIDC}/logout", params=params, follow_redirects=True)

    def ask_plainly(self, **params: str) -> Response:
        return self.world.http.get(f"{OIDC}/logout", params=params)

    @property
    def is_signed_in(self) -> bool:
        live = "SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL"
        return bool(self.world.scalar(live))

    def confirm(self, page: Response) -> Response:
        """Press the button of the page that asks."""
        assert 'id="logout-question"' in page.text
        assert self.is_signed_in
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        return self.world.http.post("/identity/logout", data=fields, follow_redirects=True)


@pytest.fixture
def leaving(registrar: Registrar) -> Leaving:
    client = registrar.register(post_logout_redirect_uris=[AFTER])
    return Leaving(registrar.world, client.tokens()["id_token"])


def is_refused(leaving: Leaving, page: Response) -> bool:
    """Tell whether the fixed sentence of the logout error page is shown and nothing ended."""
    return (
        page.status_code == 400
        and 'id="logout-error"' in page.text
        and "This sign-out link does not work" in page.text
        and leaving.is_signed_in
    )


def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(world: World) -> None:
    metadata = world.http.get(f"{OIDC}/.well-known/openid-configuration").json()
    assert metadata["end_session_endpoint"] == f"{OIDC}/logout"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_oidcc_rp_initiated_logout(leaving: Leaving, method: str) -> None:
    params = {"id_token_hint": leaving.hint, "post_logout_redirect_uri": AFTER, "state": "a&b="}
    if method == "POST":
        first = leaving.world.http.post(f"{OIDC}/logout", data=params)
        answer = leaving.world.http.get(first.headers["location"])
    else:
        answer = leaving.ask_plainly(**params)
    place = urlsplit(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{AFTER}?")
    assert parse_qs(place.query) == {"state": ["a&b="]}
    assert not leaving.is_signed_in


def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(leaving: Leaving) -> None:
    page = leaving.ask(
        id_token_hint=leaving.hint, post_logout_redirect_uri="https://council.example/other"
    )
    assert is_refused(leaving, page)


def test_oidcc_rp_initiated_logout_modified_id_token_hint(leaving: Leaving) -> None:
    head, body, signature = leaving.hint.split(".")
    changed = f"{head}.{body}.{signature[:-6]}AAAAAA"
    page = leaving.ask(id_token_hint=changed, post_logout_redirect_uri=AFTER)
    assert is_refused(leaving, page)


def test_oidcc_rp_initiated_logout_no_id_token_hint(leaving: Leaving) -> None:
    assert is_refused(leaving, leaving.ask(post_logout_redirect_uri=AFTER, state="s"))


def test_oidcc_rp_initiated_logout_no_params(leaving: Leaving) -> None:
    page = leaving.confirm(leaving.ask())
    assert 'id="signed-out"' in page.text
    assert "You are signed out" in page.text
    assert not leaving.is_signed_in


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(leaving: Leaving) -> None:
    page = leaving.ask(id_token_hint=leaving.hint, state="s")
    assert 'id="signed-out"' in page.text
    assert not leaving.is_signed_in


def test_oidcc_rp_initiated_logout_no_state(leaving: Leaving) -> None:
    answer = leaving.ask_plainly(id_token_hint=leaving.hint, post_logout_redirect_uri=AFTER)
    assert answer.headers["location"] == AFTER
    assert not leaving.is_signed_in


def test_oidcc_rp_initiated_logout_only_state(leaving: Leaving) -> None:
    page = leaving.confirm(leaving.ask(state="s"))
    assert 'id="signed-out"' in page.text
    assert not leaving.is_signed_in


def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(
    leaving: Leaving,
) -> None:
    page = leaving.ask(id_token_hint=leaving.hint, post_logout_redirect_uri=f"{AFTER}?foo=bar")
    assert is_refused(leaving, page)


def test_oidcc_rp_initiated_logout_bad_id_token_hint(leaving: Leaving) -> None:
    for hint in ("nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."):
        page = leaving.ask(id_token_hint=hint, post_logout_redirect_uri=AFTER)
        assert is_refused(leaving, page)


def test_a_client_that_only_names_itself_has_the_person_asked(
    registrar: Registrar, leaving: Leaving
) -> None:
    client = registrar.register(post_logout_redirect_uris=[AFTER], client_name="Strathclachan bins")
    page = leaving.ask(client_id=client.id, post_logout_redirect_uri=AFTER, state="s")
    assert "Strathclachan bins" in page.text
    fields = {"client_id": client.id, "post_logout_redirect_uri": AFTER, "profile": "oidc"}
    token = _FIELD.search(page.text)
    assert token is not None
    answer = leaving.world.http.post("/identity/logout", data=fields | {"csrf_token": token[1]})
    assert answer.headers["location"] == AFTER
    assert not leaving.is_signed_in


def test_a_hint_signed_by_a_key_that_retired_long_ago_counts(leaving: Leaving) -> None:
    world = leaving.world
    world.execute(
        "UPDATE signing_key SET state = 'retired', private_sealed = NULL, retired_at = now(),"
        " retiring_at = now() - interval '31 days' WHERE state = 'active'"
    )
    world.execute(
        "UPDATE signing_key SET state = 'active', activated_at = now() WHERE state = 'next'"
    )
    later = World.create(
        world.database, world.settings.database_url, world.settings.encryption_key_file
    )
    later.http.cookies = world.http.cookies
    published = {key["kid"] for key in later.http.get(f"{OIDC}/jwks.json").json()["keys"]}
    answer = later.http.get(f"{OIDC}/logout", params={"id_token_hint": leaving.hint})
    assert answer.status_code == 302
    assert not leaving.is_signed_in
    assert published
    later.close()
