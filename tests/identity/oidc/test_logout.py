"""Signing out by a client, by the person, and telling the others (sections 1.10, S13)."""

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from identity.logout.actions import LOGOUT_TOPIC
from identity.oidc.provider import Provider
from identity.oidc.tasks import LogoutNotTakenError, send_logout
from shared.outbox import Job
from tests.identity.oidc.world import OIDC, SCOT, World, decode
from tests.support.outside import Outside

_AFTER = "https://council.example/goodbye"


def is_signed_in(world: World) -> bool:
    return bool(world.scalar("SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL"))


@pytest.fixture
def hinted(world: World) -> tuple[World, str]:
    world.register(post_logout_uris=(_AFTER,))
    world.sign_in()
    return world, world.tokens()["id_token"]


def test_with_a_hint_the_session_ends_and_the_state_comes_back(
    hinted: tuple[World, str],
) -> None:
    world, hint = hinted
    params = {"id_token_hint": hint, "post_logout_redirect_uri": _AFTER, "state": "a=b&c"}
    answer = world.http.get(f"{OIDC}/logout", params=params)
    assert answer.status_code == 302
    location = urlsplit(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{_AFTER}?")
    assert parse_qs(location.query) == {"state": ["a=b&c"]}
    assert not is_signed_in(world)


@pytest.mark.parametrize("path", ["/authorize/logout", "/logout"])
def test_scotaccount_has_its_own_address_and_the_alias(world: World, path: str) -> None:
    world.register("sandboxscot01", profile="scotaccount", post_logout_uris=(_AFTER,))
    world.sign_in()
    hint = world.tokens(SCOT, client_id="sandboxscot01")["id_token"]
    params = {"id_token_hint": hint, "post_logout_redirect_uri": _AFTER}
    answer = world.http.get(f"{SCOT}{path}", params=params)
    assert answer.headers["location"] == _AFTER
    assert not is_signed_in(world)


def test_an_expired_hint_counts(hinted: tuple[World, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """S13: expiry is not looked at, so the clock need not move."""
    world, hint = hinted
    _header, claims = decode(hint)
    moved = int(str(claims["exp"])) + 3600
    monkeypatch.setattr("time.time", lambda: moved)
    answer = world.http.get(f"{OIDC}/logout", params={"id_token_hint": hint})
    assert answer.status_code == 302
    assert not is_signed_in(world)


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("https://council.example:443/bye", "https://council.example/bye"),
        ("https://council.example/bye", "https://council.example:443/bye"),
        ("http://localhost:80/bye", "http://localhost/bye"),
    ],
)
def test_default_ports_are_equal_to_none(world: World, registered: str, asked: str) -> None:
    world.register(post_logout_uris=(registered,))
    world.sign_in()
    hint = world.tokens()["id_token"]
    answer = world.http.get(
        f"{OIDC}/logout", params={"id_token_hint": hint, "post_logout_redirect_uri": asked}
    )
    assert answer.headers["location"] == asked


@pytest.mark.parametrize(
    "changes",
    [
        {"post_logout_redirect_uri": "https://evil.example"},
        {"post_logout_redirect_uri": f"{_AFTER}?added=1"},
        {"id_token_hint": "a.b.c"},
        {"client_id": "another"},
    ],
)
def test_what_is_not_registered_or_not_ours_ends_nothing(
    hinted: tuple[World, str], changes: dict[str, str]
) -> None:
    world, hint = hinted
    params = {"id_token_hint": hint, "post_logout_redirect_uri": _AFTER} | changes
    answer = world.http.get(f"{OIDC}/logout", params=params)
    assert answer.status_code == 400
    assert 'id="logout-error"' in answer.text
    assert is_signed_in(world)


def test_a_changed_hint_is_refused(hinted: tuple[World, str]) -> None:
    world, hint = hinted
    head, body, signature = hint.split(".")
    forged = f"{head}.{body}.{'A' * len(signature)}"
    answer = world.http.get(f"{OIDC}/logout", params={"id_token_hint": forged})
    assert answer.status_code == 400
    assert is_signed_in(world)


def test_an_access_token_is_no_hint(client_world: World) -> None:
    token = client_world.tokens()["access_token"]
    answer = client_world.http.get(f"{OIDC}/logout", params={"id_token_hint": token})
    assert answer.status_code == 400


def test_without_a_hint_the_person_is_asked_and_may_confirm(
    hinted: tuple[World, str],
) -> None:
    world, _hint = hinted
    params = {"client_id": "council-client", "post_logout_redirect_uri": _AFTER, "state": "s"}
    answer = world.http.get(f"{OIDC}/logout", params=params, follow_redirects=True)
    assert 'id="logout-question"' in answer.text
    assert is_signed_in(world)
    token = answer.text.split('name="csrf_token" value="')[1].split('"')[0]
    form = {**params, "profile": "oidc", "csrf_token": token}
    done = world.http.post("/identity/logout", data=form)
    assert done.headers["location"] == f"{_AFTER}?state=s"
    assert not is_signed_in(world)


def test_a_foreign_page_cannot_confirm(hinted: tuple[World, str]) -> None:
    world, _hint = hinted
    assert world.http.post("/identity/logout", data={"profile": "oidc"}).status_code == 403
    assert is_signed_in(world)


def test_a_hint_of_another_session_does_not_end_this_one(hinted: tuple[World, str]) -> None:
    world, hint = hinted
    world.http.cookies.clear()
    world.sign_in("ross@example.test")
    answer = world.http.get(f"{OIDC}/logout", params={"id_token_hint": hint})
    assert answer.headers["location"].partition("?")[0].endswith("/identity/logout")
    assert world.scalar("SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL") == 2


def test_without_a_session_the_signed_out_page_is_shown(world: World) -> None:
    answer = world.http.get(f"{OIDC}/logout", follow_redirects=True)
    assert 'id="signed-out"' in answer.text


def test_signing_out_revokes_and_tells_those_who_asked(world: World, outside: Outside) -> None:
    told = outside.serve("/logout-notice")
    world.register(backchannel_logout_uri=told)
    world.register("quiet-client")
    person = world.sign_in()
    tokens, others = world.tokens(), world.tokens(client_id="quiet-client")
    world.http.get(f"{OIDC}/logout", params={"id_token_hint": tokens["id_token"]})
    for name, client_id in ((tokens, "council-client"), (others, "quiet-client")):
        assert world.refresh(name["refresh_token"], client_id=client_id).status_code == 400
    payload = world.scalar("SELECT payload FROM outbox WHERE topic = :topic", topic=LOGOUT_TOPIC)
    assert isinstance(payload, dict)
    assert payload == {
        "delivery_id": payload["delivery_id"],
        "client_id": "council-client",
        "account_id": str(person.account_id),
        "session_id": str(person.session_id),
    }
    send_logout(_job(world, payload), Provider(world.settings, world.sealer))
    assert [sent.path for sent in outside.sent] == ["/logout-notice"]
    token = parse_qs(outside.sent[0].body.decode())["logout_token"][0]
    header, claims = decode(token)
    _hint_header, hint = decode(tokens["id_token"])
    assert header["typ"] == "logout+jwt"
    assert (claims["iss"], claims["aud"]) == (OIDC, "council-client")
    assert (claims["sub"], claims["sid"]) == (hint["sub"], hint["sid"])
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in claims
    assert {"iat", "exp", "jti"} <= set(claims)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_notice_that_is_not_taken_is_tried_again(
    world: World, outside: Outside, status: int
) -> None:
    world.register(backchannel_logout_uri=outside.serve("/notice", status=status))
    ids = {
        "account_id": str(UUID(int=1)),
        "session_id": str(UUID(int=2)),
        "delivery_id": str(UUID(int=3)),
    }
    job = _job(world, {"client_id": "council-client", **ids})
    with pytest.raises(LogoutNotTakenError):
        send_logout(job, Provider(world.settings, world.sealer))


def _job(world: World, payload: object) -> Job:
    assert isinstance(payload, dict)
    return Job(1, LOGOUT_TOPIC, payload, 1, world.database, world.settings)
