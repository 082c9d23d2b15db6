"""The modules of the back-channel and front-channel logout plans, and the queue behind them."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from identity.logout.actions import LOGOUT_TOPIC
from identity.logout.queries import get_logout_status, list_logout_deliveries
from identity.oidc.provider import Provider
from identity.oidc.tasks import FORGET_TOPIC, LogoutNotTakenError, forget, send_logout
from identity.organisations.actions import save_organisation, set_staff_roles
from shared import clock
from shared.actors import SYSTEM
from shared.outbox import MAXIMUM_ATTEMPTS, Job
from tests.identity.oidc.world import OIDC, World, decode
from tests.identity.registrar import DynamicClient, Registrar
from tests.support.outside import Outside

AFTER = "https://council.example/after"
FRAME = "https://council.example/frame"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def metadata_of(world: World) -> dict[str, Any]:
    return world.http.get(f"{OIDC}/.well-known/openid-configuration").json()  # type: ignore[no-any-return]  # JSON of our own making


def leave(client: DynamicClient, hint: str) -> Any:
    params = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "s"}
    return client.world.http.get(f"{OIDC}/logout", params=params)


def deliver(world: World, attempt: int = 1) -> None:
    """Do what the worker does with the newest notice."""
    payload = world.scalar(
        "SELECT payload FROM outbox WHERE topic = :topic ORDER BY id DESC LIMIT 1",
        topic=LOGOUT_TOPIC,
    )
    assert isinstance(payload, dict)
    job = Job(1, LOGOUT_TOPIC, payload, attempt, world.database, world.settings)
    send_logout(job, Provider(world.settings, world.sealer))


def states(world: World, client: DynamicClient) -> list[str]:
    with world.database.transaction() as session:
        return [one.state for one in list_logout_deliveries(session, client.id)]


def test_oidcc_backchannel_logout_discovery_endpoint_verification(world: World) -> None:
    metadata = metadata_of(world)
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True
    assert metadata["end_session_endpoint"]


def test_oidcc_backchannel_rp_initiated_logout(registrar: Registrar, outside: Outside) -> None:
    world = registrar.world
    client = registrar.register(
        backchannel_logout_uri=outside.serve("/logout"),
        backchannel_logout_session_required=True,
        post_logout_redirect_uris=[AFTER],
    )
    hint = client.tokens()["id_token"]
    assert leave(client, hint).headers["location"] == f"{AFTER}?state=s"
    deliver(world)
    (sent,) = outside.sent
    assert (sent.method, sent.path) == ("POST", "/logout")
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    token = parse_qs(sent.body.decode())["logout_token"][0]
    header, claims = decode(token)
    keys = KeySet.import_key_set(world.http.get(f"{OIDC}/jwks.json").json())
    (key,) = [key for key in keys.keys if key.kid == header["kid"]]
    jws.deserialize_compact(token, key, algorithms=[str(header["alg"])])
    told = decode(hint)[1]
    assert header["typ"] == "logout+jwt"
    assert claims["aud"] == client.id
    assert [claims[name] == told[name] for name in ("iss", "sub", "sid")] == [True] * 3
    assert claims["events"] == {EVENT: {}}
    assert int(str(claims["exp"])) - int(str(claims["iat"])) <= 120
    assert "nonce" not in claims
    assert states(world, client) == ["delivered"]


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_a_notice_that_is_not_taken_is_repeated_and_at_last_given_up(
    registrar: Registrar, outside: Outside, status: int
) -> None:
    world = registrar.world
    client = registrar.register(
        backchannel_logout_uri=outside.serve("/logout", status=status),
        post_logout_redirect_uris=[AFTER],
    )
    leave(client, client.tokens()["id_token"])
    assert states(world, client) == ["waiting"]
    with pytest.raises(LogoutNotTakenError):
        deliver(world)
    assert states(world, client) == ["failing"]
    deliver(world, MAXIMUM_ATTEMPTS)
    assert states(world, client) == ["given_up"]
    with world.database.transaction() as session:
        (one,) = list_logout_deliveries(session, client.id)
        status_now = get_logout_status(session, client.id)
    assert (one.tries, one.last_error) == (2, f"answered with {status}")
    assert status_now.last_success is None
    assert status_now.last_error == f"answered with {status}"


def test_a_later_success_keeps_the_reason_of_the_failure(
    registrar: Registrar, outside: Outside
) -> None:
    world = registrar.world
    client = registrar.register(
        backchannel_logout_uri=outside.serve("/logout", status=500),
        post_logout_redirect_uris=[AFTER],
    )
    leave(client, client.tokens()["id_token"])
    with pytest.raises(LogoutNotTakenError):
        deliver(world)
    outside.serve("/logout", status=204)
    deliver(world, 2)
    with world.database.transaction() as session:
        (one,) = list_logout_deliveries(session, client.id)
        status = get_logout_status(session, client.id)
    assert (one.state, one.tries, one.last_error) == ("delivered", 2, "answered with 500")
    assert status.last_success is not None


def test_each_try_sends_a_token_of_its_own(registrar: Registrar, outside: Outside) -> None:
    client = registrar.register(
        backchannel_logout_uri=outside.serve("/logout"), post_logout_redirect_uris=[AFTER]
    )
    leave(client, client.tokens()["id_token"])
    deliver(registrar.world)
    deliver(registrar.world, 2)
    tokens = [parse_qs(sent.body.decode())["logout_token"][0] for sent in outside.sent]
    assert len({str(decode(token)[1]["jti"]) for token in tokens}) == 2


def test_notes_of_deliveries_are_forgotten(registrar: Registrar, outside: Outside) -> None:
    world = registrar.world
    client = registrar.register(
        backchannel_logout_uri=outside.serve("/logout"), post_logout_redirect_uris=[AFTER]
    )
    leave(client, client.tokens()["id_token"])
    world.execute("UPDATE logout_delivery SET expires_at = now() - interval '1 second'")
    forget(Job(1, FORGET_TOPIC, {"slot": 1}, 1, world.database, world.settings))
    assert states(world, client) == []


def test_what_was_allowed_for_ones_absence_survives_signing_out(registrar: Registrar) -> None:
    members = {"grant_types": ["authorization_code", "refresh_token"]}
    client = registrar.register(post_logout_redirect_uris=[AFTER], **members)
    world = registrar.world
    usual, offline = client.tokens(), client.tokens()
    world.execute(
        "UPDATE authorisation SET scopes = scopes || '{offline_access}' WHERE id = ("
        " SELECT authorisation_id FROM refresh_token ORDER BY created_at DESC LIMIT 1)"
    )
    leave(client, usual["id_token"])
    answers = [
        client.ask_token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        for tokens in (usual, offline)
    ]
    assert [answer.status_code for answer in answers] == [400, 200]


def staff_client(registrar: Registrar, outside: Outside) -> tuple[DynamicClient, UUID]:
    world = registrar.world
    client = registrar.register(backchannel_logout_uri=outside.serve("/logout"))
    client.tokens()
    world.execute("UPDATE authorisation SET scopes = '{openid,staff}'")
    return client, UUID(str(world.scalar("SELECT id FROM account")))


def test_changed_roles_end_the_sessions_of_consoles(registrar: Registrar, outside: Outside) -> None:
    world = registrar.world
    client, account_id = staff_client(registrar, outside)

    def set_roles(*roles: str) -> None:
        with world.database.transaction() as session:
            save_organisation(session, SYSTEM, slug="glenmore", name="Glenmore", now=clock.now())
            set_staff_roles(
                session,
                SYSTEM,
                account_id=account_id,
                organisation="glenmore",
                roles=list(roles),
                now=clock.now(),
            )

    set_roles("payments.uploader")
    assert states(world, client) == ["waiting"]
    set_roles("payments.uploader")
    assert len(states(world, client)) == 1, "the same roles again change nothing"
    set_roles("payments.approver")
    assert len(states(world, client)) == 2
    deliver(world)
    assert "sid" in decode(parse_qs(outside.sent[0].body.decode())["logout_token"][0])[1]
    live = world.scalar("SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL")
    assert live == 1, "the person stays signed in with us"


def test_oidcc_frontchannel_logout_discovery_endpoint_verification(world: World) -> None:
    metadata = metadata_of(world)
    assert metadata["frontchannel_logout_supported"] is True
    assert metadata["frontchannel_logout_session_supported"] is True
    assert metadata["end_session_endpoint"]


def test_oidcc_frontchannel_rp_initiated_logout(registrar: Registrar) -> None:
    client = registrar.register(
        frontchannel_logout_uri=f"{FRAME}?x=1",
        frontchannel_logout_session_required=True,
        post_logout_redirect_uris=[AFTER],
    )
    other = registrar.register(frontchannel_logout_uri="https://council.example/second;frame")
    hint = client.tokens()["id_token"]
    other.tokens()
    page = leave(client, hint)
    assert page.status_code == 200
    assert 'id="signed-out"' in page.text
    frames = [unescape(one) for one in re.findall(r'<iframe src="([^"]+)"', page.text)]
    told = decode(hint)[1]
    by_path = {urlsplit(frame).path: parse_qs(urlsplit(frame).query) for frame in frames}
    assert by_path["/frame"] == {"x": ["1"], "iss": [OIDC], "sid": [told["sid"]]}
    assert by_path["/second;frame"]["sid"] != [told["sid"]]
    policy = page.headers["content-security-policy"]
    sources = policy.partition("frame-src ")[2].split(";")[0].split()
    assert set(sources) == {FRAME, "https://council.example/second%3Bframe"}
    assert "<script" not in page.text.partition("<main")[2]
    (back,) = re.findall(r'<a[^>]*id="continue"[^>]*>', page.text)
    assert f'href="{AFTER}?state=s"' in unescape(back)
    live = registrar.world.scalar("SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL")
    assert live == 0


def test_signing_out_on_our_own_page_loads_the_frames_too(registrar: Registrar) -> None:
    registrar.register(frontchannel_logout_uri=FRAME).tokens()
    http = registrar.world.http
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', http.get("/identity/sign-out").text)
    assert token is not None
    page = http.post("/identity/sign-out", data={"csrf_token": token[1]})
    assert f'<iframe src="{FRAME}?iss=' in page.text


def test_other_pages_may_load_no_frames(world: World) -> None:
    assert "frame-src" not in world.http.get("/identity/sign-in").headers["content-security-policy"]
