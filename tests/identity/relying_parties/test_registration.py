"""Registering clients: what a file may say, what is refused, and that repeating changes nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import int_to_base64
from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.relying_parties.commands import DEMO_FILE, register_file
from identity.relying_parties.profiles import PLAIN, SCOTACCOUNT, Profile
from identity.relying_parties.queries import ClientCache, get_client
from identity.relying_parties.registration_file import read_registrations
from identity.relying_parties.rules import (
    RelyingParty,
    check_relying_party,
    default_sector,
    import_public_key,
    normalise_url,
)
from identity.settings import IdentitySettings
from shared.errors import Invalid

_SHORT = generate_private_key(65537, 1024).public_key()  # noqa: S505 - to be refused
GOOD = RelyingParty(
    client_id="council-client",
    name="Council service",
    organisation="strathclachan",
    profile="oidc",
    auth_method="private_key_jwt",
    keys=(ECKey.generate_key("P-256", private=False),),
    redirect_uris=("https://council.example/callback",),
    scopes=("openid",),
    grant_types=("authorization_code",),
    sector="council.example",
)
FILE = """
relying_parties:
  - client_id: council-client
    name: Council service
    organisation: strathclachan
    auth_method: private_key_jwt
    redirect_uris: ["{public_url}/callback"]
    scopes: [openid]
"""


def faults(party: RelyingParty, profile: Profile = PLAIN, *, production: bool = False) -> list[str]:
    found = check_relying_party(
        party,
        auth_methods=profile.auth_methods,
        grant_types=profile.grant_types,
        id_token_algorithms=profile.id_token_algorithms,
        pkce_exemptions=profile.pkce_exemptions,
        production=production,
    )
    return [fault.field for fault in found]


def test_a_good_client_has_no_fault() -> None:
    assert faults(GOOD) == []
    assert faults(GOOD, production=True) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_id": "Council Client"}, "client_id"),
        ({"client_id": "x"}, "client_id"),
        ({"auth_method": "client_secret_jwt"}, "auth_method"),
        ({"keys": ()}, "keys"),
        ({"grant_types": ("password",)}, "grant_types"),
        ({"grant_types": ()}, "grant_types"),
        ({"redirect_uris": ()}, "redirect_uris"),
        ({"redirect_uris": ("https://council.example/#part",)}, "redirect_uris"),
        ({"redirect_uris": ("/callback",)}, "redirect_uris"),
        ({"redirect_uris": ("javascript://council.example/%0aalert(1)",)}, "redirect_uris"),
        ({"redirect_uris": ("https://user@council.example/",)}, "redirect_uris"),
        ({"post_logout_uris": ("council.example",)}, "redirect_uris"),
        ({"backchannel_logout_uri": "ftp://council.example"}, "redirect_uris"),
        ({"sector": ""}, "sector"),
        ({"id_token_alg": "none"}, "id_token_alg"),
        ({"id_token_alg": "HS256"}, "id_token_alg"),
    ],
)
def test_each_rule_refuses_its_fault(changes: dict[str, object], field: str) -> None:
    assert field in faults(replace(GOOD, **changes))  # type: ignore[arg-type]  # members by name


def test_scotaccount_has_narrower_rules() -> None:
    wrong = replace(
        GOOD, profile="scotaccount", auth_method="client_secret_basic", pkce="exempt", keys=()
    )
    assert set(faults(wrong, SCOTACCOUNT)) == {
        "client_id",
        "auth_method",
        "id_token_alg",
        "pkce",
    }


def test_production_wants_https() -> None:
    local = replace(GOOD, redirect_uris=("http://localhost:3000/callback",))
    assert faults(local) == []
    assert faults(local, production=True) == ["redirect_uris"]


@pytest.mark.parametrize(
    "jwk",
    [
        ECKey.generate_key("P-256").as_dict(private=True),
        {"kty": "RSA", "e": "AQAB", "n": int_to_base64(_SHORT.public_numbers().n)},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "surprise"},
        {},
    ],
    ids=["private", "short RSA", "symmetric", "not on the curve", "unknown", "empty"],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_keys_that_may_not_be_registered(jwk: dict[str, str | list[str]]) -> None:
    with pytest.raises(ValueError, match=r"must|is not a JSON Web Key"):
        import_public_key(jwk)


def test_default_ports_are_left_out() -> None:
    assert normalise_url("https://a.example:443/x") == "https://a.example/x"
    assert normalise_url("http://a.example:80/x") == "http://a.example/x"
    assert normalise_url("https://a.example:8443/x") == "https://a.example:8443/x"
    assert normalise_url("http://a.example:443/x") == "http://a.example:443/x"
    assert normalise_url("https://a.example:port/x") == "https://a.example:port/x"


def test_the_sector_is_host_and_port_of_the_addresses() -> None:
    assert default_sector(("http://localhost:8000/a", "http://localhost:8000/b")) == (
        "localhost:8000"
    )
    assert default_sector(("https://a.example/", "https://b.example/")) == ""


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for client_id in (
        "clachanjourn1",
        "payments-console",
        "notifications-mailbox",
        "identity-service",
        "gateway-service",
        "payments-service",
        "notifications-service",
        "glenmore-repairs",
        "council-client",
    ):
        pem = ECKey.generate_key("P-256").as_pem(private=False)
        (tmp_path / f"{client_id}.pub.pem").write_bytes(pem)
    return tmp_path


@pytest.fixture
def settings(keys: Path) -> IdentitySettings:
    return IdentitySettings(
        environment="test",
        public_url="http://localhost:8000",
        port=1,
        database_url="postgresql+psycopg://",
        broker_url="redis://",
        secret_key="x" * 32,
        encryption_key_file=keys / "none.kek",
        client_keys_dir=keys,
    )


def test_the_demonstration_registers_and_repeating_changes_nothing(
    identity_session: Session, settings: IdentitySettings
) -> None:
    first = register_file(identity_session, DEMO_FILE, settings)
    assert {done for _client, done in first} == {"added"}
    assert "clachanjourn1" in dict(first)
    assert "sandbox-oidc" not in dict(first), "optional, and without a secret here"
    second = register_file(identity_session, DEMO_FILE, settings)
    assert {done for _client, done in second} == {"unchanged"}
    version = identity_session.execute(text("SELECT version FROM cache_version")).scalar_one()
    assert version == len(first)


def test_all_pages_of_the_platform_are_one_sector(
    identity_session: Session, settings: IdentitySettings
) -> None:
    register_file(identity_session, DEMO_FILE, settings)
    pages = ("clachanjourn1", "payments-console", "notifications-mailbox")
    found = [get_client(identity_session, client_id) for client_id in (*pages, "glenmore-repairs")]
    sectors = [client.sector for client in found if client is not None]
    assert set(sectors[:3]) == {"localhost:8000"}
    assert sectors[3] != "localhost:8000"


def test_a_change_is_seen_by_a_running_process(
    identity_session: Session, settings: IdentitySettings, keys: Path, tmp_path: Path
) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(FILE)
    register_file(identity_session, path, settings)
    cache = ClientCache()
    found = cache.find(identity_session, "council-client")
    assert found is not None
    assert found.name == "Council service"
    path.write_text(FILE.replace("Council service", "Heating grant"))
    assert register_file(identity_session, path, settings) == [("council-client", "changed")]
    cache._cache._checked -= 6
    again = cache.find(identity_session, "council-client")
    assert again is not None
    assert again.name == "Heating grant"


def test_the_secret_is_kept_as_a_hash_only(
    identity_session: Session, settings: IdentitySettings, keys: Path, tmp_path: Path
) -> None:
    secret = "an invented secret of more than forty letters"
    (keys / "council-client.secret").write_text(f"{secret}\n")
    path = tmp_path / "file.yaml"
    path.write_text(FILE.replace("private_key_jwt", "client_secret_basic"))
    register_file(identity_session, path, settings)
    row = identity_session.execute(text("SELECT relying_party::text FROM relying_party"))
    content = row.scalar_one()
    assert secret not in content
    assert secret.encode().hex() not in content


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{public_url}", "{surprise}"),
        ("private_key_jwt", "surprise"),
        ("scopes:", "surprise:"),
        ("relying_parties:", "parties:"),
        ("council-client", "client-without-key"),
        ("relying_parties:", "relying_parties: ]"),
    ],
)
def test_a_file_with_a_fault_is_refused(keys: Path, before: str, after: str) -> None:
    with pytest.raises(Invalid):
        read_registrations(FILE.replace(before, after), {"public_url": "http://l"}, keys)


def test_a_short_secret_and_a_broken_key_are_refused(keys: Path) -> None:
    (keys / "council-client.secret").write_text("short")
    with pytest.raises(Invalid):
        read_registrations(
            FILE.replace("private_key_jwt", "client_secret_post"), {"public_url": "http://l"}, keys
        )
    (keys / "council-client.pub.pem").write_text(
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
    )
    with pytest.raises(Invalid):
        read_registrations(FILE, {"public_url": "http://l"}, keys)


def test_one_bad_client_and_none_of_the_file_is_registered(
    identity_session: Session, settings: IdentitySettings, tmp_path: Path
) -> None:
    path = tmp_path / "file.yaml"
    second = FILE.replace("relying_parties:\n", "").replace("{public_url}/callback", "/callback")
    path.write_text(FILE + second.replace("council-client", "payments-console"))
    with pytest.raises(Invalid):
        register_file(identity_session, path, settings)
    assert identity_session.execute(text("SELECT count(*) FROM relying_party")).scalar_one() == 0


def test_several_keys_stand_in_one_file_while_a_client_changes_keys(keys: Path) -> None:
    path = keys / "council-client.pub.pem"
    other = RSAKey.generate_key(2048).as_pem(private=False)
    path.write_bytes(path.read_bytes() + other)
    (entry,) = read_registrations(FILE, {"public_url": "http://l"}, keys)
    assert [key["kty"] for key in entry.jwks] == ["EC", "RSA"]
    assert len({key["kid"] for key in entry.jwks}) == 2
