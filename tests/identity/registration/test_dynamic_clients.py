"""Registering clients by API and managing them (RFC 7591, RFC 7592)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from identity.oidc.tasks import FORGET_TOPIC, forget
from identity.registration.actions import issue_initial_token, take_use
from shared import clock
from shared.actors import SYSTEM
from shared.errors import Invalid
from shared.outbox import Job
from tests.identity.oidc.world import CALLBACK, OIDC, SCOT, World, answer_of, ec_key
from tests.identity.registrar import REGISTER, Registrar, public_jwks
from tests.support.outside import Outside


def test_a_client_registers_signs_somebody_in_and_reads_itself(registrar: Registrar) -> None:
    client = registrar.register(contacts=["ops@glenmore.example"])
    about = client.about
    assert about["token_endpoint_auth_method"] == "client_secret_basic"
    assert (about["response_types"], about["grant_types"]) == (["code"], ["authorization_code"])
    assert about["id_token_signed_response_alg"] == "RS256"
    assert about["client_secret_expires_at"] == 0
    assert client.place == f"{REGISTER}/{client.id}"
    assert "id_token" in client.tokens()
    read = registrar.world.http.get(client.place, headers=client.bearer)
    assert read.headers["cache-control"] == "no-store"
    secret = {"client_secret", "client_secret_expires_at"}
    assert read.json() == {name: value for name, value in about.items() if name not in secret}


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", "Basic eDp5"])
def test_registration_needs_an_initial_access_token(
    registrar: Registrar, authorization: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    world = registrar.world
    answer = world.http.post(REGISTER, json={"redirect_uris": [CALLBACK]}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert world.scalar("SELECT count(*) FROM relying_party") == 0


def test_a_stranger_makes_us_ask_nobody(registrar: Registrar, outside: Outside) -> None:
    stranger = Registrar(registrar.world, "invented")
    sector = outside.serve("/sector", f'["{CALLBACK}"]')
    assert stranger.post(sector_identifier_uri=sector).status_code == 401
    assert outside.sent == []


def test_an_initial_token_is_spent_and_ends(world: World) -> None:
    registrar = Registrar.create(world, uses=2)
    assert registrar.refusal(redirect_uris=["https://council.example/#part"])
    registrar.register()
    registrar.register()
    assert registrar.post().status_code == 401
    late = Registrar.create(world)
    world.execute("UPDATE initial_access_token SET expires_at = now() - interval '1 second'")
    assert late.post().status_code == 401
    forget(Job(1, FORGET_TOPIC, {"slot": 1}, 1, world.database, world.settings))
    assert world.scalar("SELECT count(*) FROM initial_access_token") == 0


@pytest.mark.committed
def test_sixteen_simultaneous_registrations_share_no_use(world: World) -> None:
    token = Registrar.create(world, uses=1).token

    def use(_number: int) -> bool:
        with world.database.transaction() as session:
            return take_use(session, token, clock.now()) is not None

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(use, range(16))) == 1


@pytest.mark.parametrize(("uses", "days"), [(0, 1), (1001, 1), (1, 0), (1, 91)])
def test_initial_tokens_are_bounded(world: World, uses: int, days: int) -> None:
    with pytest.raises(Invalid), world.database.transaction() as session:
        issue_initial_token(
            session,
            SYSTEM,
            label="too much",
            organisation="glenmore",
            uses=uses,
            life=timedelta(days=days),
            certification=False,
            now=clock.now(),
        )
    assert world.scalar("SELECT count(*) FROM initial_access_token") == 0


def test_scotaccount_takes_no_registrations(registrar: Registrar) -> None:
    headers = {"Authorization": f"Bearer {registrar.token}"}
    answer = registrar.world.http.post(f"{SCOT}/register", json={}, headers=headers)
    assert answer.status_code == 404
    metadata = registrar.world.http.get(f"{SCOT}/.well-known/openid-configuration").json()
    assert "registration_endpoint" not in metadata


def test_nothing_secret_is_kept(registrar: Registrar) -> None:
    client = registrar.register()
    for table in ("relying_party", "registration_access_token", "initial_access_token"):
        rows = str(registrar.world.scalar(f"SELECT json_agg(t)::text FROM {table} t"))
        for secret in (
            registrar.token,
            client.about["client_secret"],
            client.about["registration_access_token"],
        ):
            assert secret not in rows


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"text"', b'{"redirect_uris": "no list"}'])
def test_what_is_no_registration_is_refused(registrar: Registrar, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {registrar.token}", "Content-Type": "application/json"}
    answer = registrar.world.http.post(REGISTER, content=body, headers=headers)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "error_description"}


def test_a_body_that_is_too_large_or_a_form_is_refused(registrar: Registrar) -> None:
    headers = {"Authorization": f"Bearer {registrar.token}"}
    world = registrar.world
    form = world.http.post(REGISTER, data={"redirect_uris": CALLBACK}, headers=headers)
    assert form.status_code == 400
    assert registrar.post(client_name="x" * 70_000).status_code == 413


@pytest.mark.parametrize(
    "members",
    [
        {"id_token_signed_response_alg": "none"},
        {"id_token_signed_response_alg": "HS256"},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_signing_alg": "HS256"},
        {"subject_type": "other"},
        {"response_types": ["code magic"]},
        {"grant_types": ["password"]},
        {"grant_types": ["authorization_code", "client_credentials"]},
        {"grant_types": ["refresh_token"], "response_types": ["code"]},
        {"grant_types": ["authorization_code"], "response_types": []},
        {"grant_types": []},
        {"scope": "payments.write"},
        {"scope": "staff"},
        {"request_object_encryption_alg": "RSA-OAEP"},
        {"id_token_encrypted_response_enc": "A128GCM"},
        {"application_type": "desktop"},
        {"default_max_age": -1},
        {"default_max_age": "60"},
        {"contacts": "ops@glenmore.example"},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": ["text"]}},
        {"jwks": {"keys": [{"kty": "oct", "k": "YW4gaW52ZW50ZWQgc2VjcmV0IG9mIGxldHRlcnM"}]}},
        {"jwks": {"keys": [ec_key().as_dict(private=True)]}},
        {"jwks": public_jwks(), "jwks_uri": "https://council.example/jwks"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"jwks_uri": "http://council.example/jwks"},
        {"initiate_login_uri": "http://council.example/start"},
        {"backchannel_logout_uri": "https://council.example/logout#part"},
        {"frontchannel_logout_uri": "https://elsewhere.example/logout"},
        {"logo_uri": "javascript:alert(1)"},
        {"policy_uri": "data:text/html,hello"},
        {"tos_uri": "/terms"},
        {"post_logout_redirect_uris": ["https://council.example/bye#part"]},
    ],
)
def test_metadata_that_cannot_be_served_is_refused(
    registrar: Registrar, members: dict[str, object]
) -> None:
    assert registrar.refusal(**members) == "invalid_client_metadata"


@pytest.mark.parametrize(
    "uri",
    [
        "https://council.example/callback#part",
        "https://council.example/callback#",
        "http://council.example/callback",
        "https://user@council.example/callback",
        "https://*.council.example/callback",
        "https:///callback",
        "/callback",
        "council.example/callback",
        "com.example.app:/callback",
        "javascript:alert(1)",
        "https://council.example:port/callback",
        "https://council.example/call back",
        "https://council.example\\@evil.example/",
    ],
)
def test_redirect_uris_of_websites(registrar: Registrar, uri: str) -> None:
    assert registrar.refusal(redirect_uris=[uri]) == "invalid_redirect_uri"


@pytest.mark.parametrize(
    ("uri", "good"),
    [
        ("com.example.app:/callback", True),
        ("com.example.app://callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://[::1]:4000/callback", True),
        ("http://localhost/callback", True),
        ("https://app.example/callback", True),
        ("http://app.example/callback", False),
        ("myapp:/callback", False),
        ("javascript:alert(1)", False),
        ("com.example.app:/callback#part", False),
        ("http://127.0.0.1@evil.example/callback", False),
    ],
)
def test_redirect_uris_of_apps(registrar: Registrar, uri: str, *, good: bool) -> None:
    members = {"application_type": "native", "token_endpoint_auth_method": "none"}
    answer = registrar.post(redirect_uris=[uri], **members)
    assert answer.status_code == (201 if good else 400), answer.text


def test_implicit_clients_are_https_and_not_on_ones_own_computer(registrar: Registrar) -> None:
    for uri in ("http://localhost:4000/callback", "https://localhost/callback"):
        assert registrar.post(redirect_uris=[uri], response_types=["id_token"]).status_code == 400


def test_several_hosts_need_a_sector(registrar: Registrar, outside: Outside) -> None:
    uris = [CALLBACK, "https://glenmore.example/callback"]
    assert registrar.refusal(redirect_uris=uris) == "invalid_client_metadata"
    assert registrar.register(redirect_uris=uris, subject_type="public").about["subject_type"]
    listed = outside.serve("/sector", f'["{uris[0]}", "{uris[1]}"]')
    first = registrar.register(redirect_uris=uris, sector_identifier_uri=listed)
    second = registrar.register(redirect_uris=uris[1:], sector_identifier_uri=listed)
    assert first.about["sector_identifier_uri"] == listed
    sectors = registrar.world.scalar(
        "SELECT count(DISTINCT sector) FROM relying_party WHERE client_id = ANY(:ids)",
        ids=[first.id, second.id],
    )
    assert sectors == 1, "clients of one sector see one subject"


@pytest.mark.parametrize(
    "content", ["", "{}", '["https://other.example/callback"]', "[" * 3000, '"text"']
)
def test_a_sector_that_does_not_list_the_client_is_refused(
    registrar: Registrar, outside: Outside, content: str
) -> None:
    sector = outside.serve("/sector", content)
    assert registrar.refusal(sector_identifier_uri=sector) == "invalid_client_metadata"


def test_a_private_address_is_not_asked_for_a_sector(registrar: Registrar) -> None:
    for address in ("https://10.0.0.1/sector", "https://localhost:1/sector", "http://a.example/s"):
        assert registrar.refusal(sector_identifier_uri=address) == "invalid_client_metadata"


def test_apps_on_loopback_addresses_are_no_sector(registrar: Registrar) -> None:
    members = {"application_type": "native", "redirect_uris": ["http://127.0.0.1/callback"]}
    first, second = registrar.register(**members), registrar.register(**members)
    sectors = registrar.world.scalar(
        "SELECT count(DISTINCT sector) FROM relying_party WHERE client_id = ANY(:ids)",
        ids=[first.id, second.id],
    )
    assert sectors == 2


def test_only_a_certification_token_lets_a_client_leave_pkce_out(world: World) -> None:
    world.sign_in()
    usual = Registrar.create(world, certification=False).register()
    assert answer_of(usual.authorize())["error"] == "invalid_request"
    assert "code" in answer_of(Registrar.create(world).register().authorize())


def test_the_wish_of_an_app_for_a_free_port_is_granted(registrar: Registrar) -> None:
    app = registrar.register(application_type="native", redirect_uris=["http://127.0.0.1/callback"])
    good = app.authorize(redirect_uri="http://127.0.0.1:49152/callback")
    assert good.headers["location"].startswith("http://127.0.0.1:49152/callback?")
    for other in (
        "http://127.0.0.1:49152/other",
        "http://127.0.0.1:49152/callback?x=1",
        "https://127.0.0.1:49152/callback",
        "http://127.0.0.1:49152@evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
    ):
        assert app.authorize(redirect_uri=other).status_code == 400


def test_a_change_replaces_everything(registrar: Registrar) -> None:
    world = registrar.world
    client = registrar.register(
        contacts=["ops@glenmore.example"], policy_uri="https://council.example/privacy"
    )
    wish = {"client_id": client.id, "redirect_uris": ["https://council.example/new"]}
    changed = world.http.put(client.place, json=wish, headers=client.bearer)
    assert changed.status_code == 200, changed.text
    about = changed.json()
    assert about["redirect_uris"] == ["https://council.example/new"]
    assert not {"contacts", "policy_uri", "client_secret"} & about.keys()
    assert about["registration_access_token"] == client.about["registration_access_token"]
    assert about["client_name"] == "council.example"
    # The secret from before goes on working.
    assert client.redeem("unknown").json()["error"] == "invalid_grant"


def test_a_new_method_brings_a_new_secret(registrar: Registrar) -> None:
    client = registrar.register(token_endpoint_auth_method="private_key_jwt", jwks=public_jwks())
    assert "client_secret" not in client.about
    wish = {"client_id": client.id, "redirect_uris": [CALLBACK]}
    changed = registrar.world.http.put(client.place, json=wish, headers=client.bearer).json()
    assert len(changed["client_secret"]) >= 43
    assert "jwks" not in changed


@pytest.mark.parametrize(
    "members",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"registration_access_token": "mine"},
        {"registration_client_uri": REGISTER},
        {"client_id_issued_at": 1},
        {"client_secret_expires_at": 0},
        {"client_secret": "not the one that was issued"},
        {"redirect_uris": ["https://council.example/#part"]},
    ],
)
def test_a_change_that_is_not_the_clients_changes_nothing(
    registrar: Registrar, members: dict[str, object]
) -> None:
    client = registrar.register()
    wish = {"client_id": client.id, "redirect_uris": ["https://council.example/new"]} | members
    sent = {name: value for name, value in wish.items() if value is not None}
    answer = registrar.world.http.put(client.place, json=sent, headers=client.bearer)
    assert answer.status_code == 400, answer.text
    read = registrar.world.http.get(client.place, headers=client.bearer)
    assert read.json()["redirect_uris"] == [CALLBACK]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_token_opens_its_own_client_only(registrar: Registrar, method: str) -> None:
    mine, other = registrar.register(), registrar.register()
    document = {"client_id": other.id, "redirect_uris": [CALLBACK]}
    json = document if method == "PUT" else None
    world = registrar.world
    for headers in (mine.bearer, {"Authorization": f"Bearer {registrar.token}"}, {}):
        answer = world.http.request(method, other.place, headers=headers, json=json)
        assert answer.status_code == 401
    assert world.http.get(other.place, headers=other.bearer).status_code == 200


def test_a_deleted_client_leaves_nothing_that_works(registrar: Registrar) -> None:
    world = registrar.world
    client = registrar.register(grant_types=["authorization_code", "refresh_token"])
    tokens = client.tokens()
    unused = client.code()
    gone = world.http.delete(client.place, headers=client.bearer)
    assert (gone.status_code, gone.content) == (204, b"")
    assert world.http.get(client.place, headers=client.bearer).status_code == 401
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert world.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 401
    again = World.create(
        world.database, world.settings.database_url, world.settings.encryption_key_file
    )
    client.world = again
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert client.ask_token(**refresh).json()["error"] == "invalid_client"
    assert client.redeem(unused).json()["error"] == "invalid_client"
    again.close()
    for table in ("relying_party", "registration_access_token", "client_logo"):
        assert world.scalar(f"SELECT count(*) FROM {table}") == 0
    live = world.scalar("SELECT count(*) FROM authorisation WHERE revoked_at IS NULL")
    assert live == 0
    actions = world.scalar("SELECT array_agg(action ORDER BY id) FROM audit_event")
    assert isinstance(actions, list)
    assert actions[-1] == "identity.relying_party.deleted"


def test_members_that_are_not_known_are_passed_over(registrar: Registrar) -> None:
    client = registrar.register(
        **{"client_name#gd": "Càraidhean", "made_up": {"x": 1}, "software_statement": "a.b.c"}
    )
    assert not {"client_name#gd", "made_up", "software_statement"} & client.about.keys()
    platform = {"environment": "live", "session_state": True, "permit_missing_nonce": True}
    assert not platform.keys() & registrar.register(**platform).about.keys()


def test_what_only_the_platform_decides_cannot_be_registered(world: World) -> None:
    client = Registrar.create(world, certification=False).register(
        permit_missing_nonce=True, session_state=True, resources=["https://api.example"]
    )
    options = world.scalar("SELECT options FROM relying_party WHERE client_id = :id", id=client.id)
    assert options == {}
