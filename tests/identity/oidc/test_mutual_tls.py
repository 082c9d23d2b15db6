"""Client certificates: which are believed, and whose they are (RFC 8705)."""

import base64
from typing import Any, get_args
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.testclient import TestClient

from gateway.edge.rules import _STRIPPED
from identity.oidc.errors import ProtocolError
from identity.oidc.rfc8705_mutual_tls import read_certificate
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.rules import RelyingParty, check_relying_party
from identity.settings import IdentitySettings
from identity.web import create_app
from tests.identity.conformance.strict_client import (
    HEADER,
    STRICT,
    StrictClient,
    certificate,
    in_header,
    thumbprint_of,
)
from tests.identity.oidc.world import PUBLIC_URL, World, decode, ec_key

MINE, OTHER = certificate("council-client"), certificate("somebody-else")
DER = MINE.public_bytes(Encoding.DER)
PEM = quote(MINE.public_bytes(Encoding.PEM).decode())


@pytest.mark.parametrize(
    "header",
    [
        in_header(MINE),
        f'By=spiffe://edge;Hash=ab;Cert="{PEM}";Chain="x";Subject="CN=a,O=b;Cert=c";URI=;DNS=x',
        f"cert={PEM}",
        PEM,
        f":{base64.b64encode(DER).decode()}:",
    ],
    ids=["envoy", "envoy with all", "envoy without quotes", "escaped pem", "rfc 9440"],
)
def test_every_usual_form_is_read(header: str) -> None:
    assert read_certificate(header) == DER


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        ":bm90IGEgY2VydGlmaWNhdGU=:",
        'Hash=ab;Subject="CN=a"',
        f"{in_header(MINE)},{in_header(OTHER)}",
        f'Cert="{PEM}";Cert="{PEM}"',
        f'Hash=ab;Subject="CN=x;Cert={PEM}"',
        f'Subject="a\\";Cert=\\"{PEM}"',
    ],
)
def test_what_is_not_one_certificate_is_refused(header: str) -> None:
    with pytest.raises(ProtocolError, match="cannot be read"):
        read_certificate(header)


def service(world: World, **options: Any) -> StrictClient:
    client = StrictClient(world, "tls_client_auth", "mtls")
    return client.register(
        options=ClientOptions(**options),
        grant_types=("client_credentials",),
        scopes=("payments.read",),
    )


def ask(client: StrictClient, **shown: Any) -> int:
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    return client.send("/token", form, **shown).status_code


@pytest.mark.parametrize(
    ("member", "right", "wrong"),
    [
        (
            "tls_client_auth_subject_dn",
            "cn=council-client, o=Strathclachan Council, c=GB",
            "CN=council-client,O=Other,C=GB",
        ),
        ("tls_client_auth_subject_dn", "CN=council-client,O=Strathclachan Council,C=GB", "no name"),
        ("tls_client_auth_san_dns", "council-client.council.example", "council.example"),
        ("tls_client_auth_san_email", "council-client@council.example", "a@council.example"),
        ("tls_client_auth_san_uri", None, "https://council.example"),
        ("tls_client_auth_san_ip", None, "192.0.2.1"),
    ],
)
def test_a_client_is_known_by_the_one_name_it_registered(
    world: World, member: str, right: str | None, wrong: str
) -> None:
    if right is not None:
        assert ask(service(world, **{member: right})) == 200
    other = StrictClient(world, "tls_client_auth", "mtls", client_id="other-client")
    other.register(
        options=ClientOptions(**{member: wrong}),
        grant_types=("client_credentials",),
        scopes=("payments.read",),
    )
    assert ask(other, shown=MINE) == 401


def test_a_service_token_is_bound_to_the_certificate(world: World) -> None:
    client = service(world, tls_client_auth_san_dns="council-client.council.example")
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    answer = client.send("/token", form).json()
    assert answer["token_type"] == "Bearer"
    assert decode(answer["access_token"])[1]["cnf"] == {"x5t#S256": thumbprint_of(MINE)}


def test_a_self_signed_certificate_is_the_one_in_the_clients_keys(world: World) -> None:
    client = StrictClient(world, "self_signed_tls_client_auth", "mtls")
    jwk = ec_key().as_dict(private=False) | {"x5c": [base64.b64encode(DER).decode()]}
    client.register(jwks=[jwk], grant_types=("client_credentials",), scopes=("payments.read",))
    assert ask(client) == 200
    assert ask(client, shown=OTHER) == 401


def test_a_header_counts_only_from_the_trusted_proxy_and_where_a_setting_names_it(
    world: World,
) -> None:
    client = service(world, tls_client_auth_san_dns="council-client.council.example")
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    headers = {HEADER: in_header(MINE)}
    direct = TestClient(world.http.app, base_url=PUBLIC_URL, client=("203.0.113.9", 51000))
    assert direct.post(f"{STRICT}/token", data=form, headers=headers).status_code == 401
    twice = [(HEADER, in_header(MINE)), (HEADER, in_header(MINE))]
    assert client.http.post(f"{STRICT}/token", data=form, headers=twice).status_code == 401
    settings = world.settings.model_copy(update={"client_certificate_header": ""})
    app = create_app(settings)
    without = TestClient(app, base_url=PUBLIC_URL, client=("203.0.113.9", 0))
    assert without.post(f"{STRICT}/token", data=form, headers=headers).status_code == 401
    metadata = without.get(f"{STRICT}/.well-known/openid-configuration").json()
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert "mtls_endpoint_aliases" not in metadata
    app.routes[-1].app.state.runtime.database.engine.dispose()  # type: ignore[attr-defined]  # a mount


def test_the_second_address_is_told_and_proofs_may_name_it(world: World) -> None:
    other = "https://mtls.clachan.example"
    settings = world.settings.model_copy(update={"mtls_url": other})
    app = create_app(settings)
    http = TestClient(app, base_url=PUBLIC_URL, client=("203.0.113.9", 0))
    metadata = http.get(f"{STRICT}/.well-known/openid-configuration").json()
    aliases = metadata["mtls_endpoint_aliases"]
    assert aliases["token_endpoint"] == f"{other}/identity/strict/token"
    assert aliases["pushed_authorization_request_endpoint"] == f"{other}/identity/strict/par"
    assert set(aliases) <= set(metadata)
    client = StrictClient(world).register(
        grant_types=("client_credentials",), scopes=("payments.read",)
    )
    client.http = http
    url = aliases["token_endpoint"]
    form = {"grant_type": "client_credentials", **client.credentials()}
    client.send("/token", form, proof=client.proof(url))
    again = {"grant_type": "client_credentials", **client.credentials()}
    assert client.send("/token", again, proof=client.proof(url)).status_code == 200
    app.routes[-1].app.state.runtime.database.engine.dispose()  # type: ignore[attr-defined]  # a mount


def test_registration_wants_exactly_one_name_or_a_certificate() -> None:
    def faults(party: RelyingParty) -> set[str]:
        found = check_relying_party(
            party,
            auth_methods=("tls_client_auth", "self_signed_tls_client_auth"),
            grant_types=("client_credentials",),
            id_token_algorithms=("ES256",),
            pkce_exemptions=False,
            production=True,
        )
        return {fault.field for fault in found}

    party = RelyingParty(
        client_id="council-client",
        name="Council",
        organisation="strathclachan",
        profile="strict",
        auth_method="tls_client_auth",
        grant_types=("client_credentials",),
        options=ClientOptions(tls_client_auth_san_dns="a.example"),
    )
    assert not faults(party)
    both = ClientOptions(tls_client_auth_san_dns="a.example", tls_client_auth_san_uri="https://a")
    for options in (ClientOptions(), both):
        assert "options" in faults(RelyingParty(**{**party.__dict__, "options": options}))
    keyed = {**party.__dict__, "auth_method": "self_signed_tls_client_auth", "keys": (ec_key(),)}
    assert "keys" in faults(RelyingParty(**keyed))


def test_the_edge_removes_every_header_that_may_carry_a_certificate() -> None:
    offered = get_args(IdentitySettings.model_fields["client_certificate_header"].annotation)
    assert set(offered) - {""} <= set(_STRIPPED)
