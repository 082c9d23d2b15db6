"""Entra ID and Google shapes, as an outside party on a socket sends them."""

import json
import re
import secrets
import socket
import struct
from collections.abc import Callable
from threading import Thread
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import text

from identity.staff_sign_on.actions import confirm_domain
from identity.staff_sign_on.dns_txt import DnsAwayError, read_txt, resolver_address
from identity.staff_sign_on.rules import (
    UpstreamPolicy,
    UpstreamRefusedError,
    check_domain,
    read_identity,
    read_policy,
)
from shared import clock
from shared.actors import SYSTEM
from shared.errors import Invalid
from tests.identity.console.office import BODY, Colleague, Office
from tests.identity.oidc.world import rsa_key
from tests.support.outside import Outside, Reply, Sent

TENANT = "6f2c1d5e-0000-4000-8000-00000000abcd"
KEY = rsa_key(5)
KEY.ensure_kid()
NOW = clock.now()


class Work:
    """The provider of an organisation: signs what a test wants it to say."""

    def __init__(self, outside: Outside, shape: str) -> None:
        self.outside, self.shape = outside, shape
        self.changes: dict[str, object] = {}
        self.key: RSAKey = KEY
        self.nonce = ""
        outside.serve(
            "/.well-known/openid-configuration",
            json.dumps(
                {
                    "issuer": outside.url,
                    "authorization_endpoint": f"{outside.url}/authorize",
                    "token_endpoint": f"{outside.url}/token",
                    "jwks_uri": f"{outside.url}/keys",
                    "userinfo_endpoint": f"{outside.url}/userinfo",
                }
            ),
        )
        outside.serve("/keys", json.dumps({"keys": [KEY.as_dict(private=False)]}))
        outside.replies["/token"] = self.token

    def token(self, _sent: Sent) -> Reply:
        now = int(clock.now().timestamp())
        claims = {
            "iss": self.outside.url,
            "aud": "council-app",
            "sub": "subject-at-work",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "email": "dougal@strathclachan.example",
        }
        claims |= (
            {"tid": TENANT, "oid": "an-object", "acrs": ["mfa"]}
            if self.shape == "entra"
            else {"hd": "strathclachan.example", "email_verified": True}
        )
        said = {name: value for name, value in (claims | self.changes).items() if value is not None}
        header = {"alg": "RS256", "kid": KEY.kid}
        token = jwt.encode(header, said, self.key, algorithms=["RS256"])
        return Reply(content=json.dumps({"id_token": token, "access_token": "x"}).encode())


def sign_in(office: Office, work: Work) -> tuple[Colleague, str, dict[str, list[str]]]:
    newcomer = Colleague(office.browser(), UUID(int=0), "")
    page = newcomer.post("/identity/sign-in/organisation", email=office.developer.email)
    found = re.search(r'href="([^"]+)" id="go"', page.text)
    assert found is not None, page.text
    query = parse_qs(urlsplit(found[1].replace("&amp;", "&")).query)
    work.nonce = query["nonce"][0]
    answer = newcomer.get(
        f"/identity/sign-in/organisation/callback?code=c&state={query['state'][0]}"
    )
    return newcomer, str(answer.status_code), query


@pytest.fixture(params=["entra", "google"])
def work(office: Office, outside: Outside, request: pytest.FixtureRequest) -> Work:
    made = Work(outside, request.param)
    tenant = TENANT if request.param == "entra" else "strathclachan.example"
    answer = office.owner.post(
        f"{BODY}/sign-on/provider",
        shape=request.param,
        issuer=outside.url,
        tenant=tenant,
        client_id="council-app",
        auth_method="client_secret_post",
        secret="a secret of the IT department",
        two_factors="always" if request.param == "google" else "",
    )
    assert answer.status_code == 303, answer.text
    with office.world.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO staff_domain (organisation, domain, challenge, created_at)"
                " VALUES ('strathclachan', 'strathclachan.example', 'c', now())"
            )
        )
        confirm_domain(
            session, SYSTEM, "strathclachan", "strathclachan.example", by="operator", now=NOW
        )
    office.owner.post(f"{BODY}/sign-on/switch", state="on")
    return made


def test_a_member_of_staff_is_let_in_and_known_by_the_subject_afterwards(
    office: Office, work: Work
) -> None:
    newcomer, status, query = sign_in(office, work)
    assert status == "303"
    assert query["code_challenge_method"] == ["S256"]
    assert ("hd" in query) == (work.shape == "google")
    assert newcomer.get(BODY).status_code == 200
    token_request = next(one for one in work.outside.sent if one.path == "/token")
    assert "code_verifier" in parse_qs(token_request.body.decode())
    work.changes = {"email": "another@elsewhere.example"}
    again, status, _ = sign_in(office, work)
    assert status == "303"
    assert "Dougal" in again.get(BODY).text
    assert "a secret of" not in str(
        office.world.scalar("SELECT credential_sealed::text FROM upstream")
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"},
        {"aud": "another-app"},
        {"aud": ["council-app", "x"]},
        {"azp": "x"},
        {"iss": "https://elsewhere.example"},
        {"exp": 1},
        {"iat": 1},
        {"tid": "other", "hd": "other.example"},
        {"tid": None, "hd": None},
        {"sub": ""},
        {"sub": None},
    ],
    ids=[
        "nonce",
        "aud",
        "audiences",
        "azp",
        "iss",
        "exp",
        "iat",
        "place",
        "no_place",
        "sub",
        "no_sub",
    ],
)
def test_a_token_for_somebody_else_lets_nobody_in(
    office: Office, work: Work, changes: dict[str, object]
) -> None:
    work.changes = changes
    _, status, _ = sign_in(office, work)
    assert status == "403"
    assert office.world.scalar("SELECT count(*) FROM upstream_link") == 0


@pytest.mark.parametrize(("subject", "expected"), [("subject-at-work", "303"), ("other", "403")])
def test_userinfo_is_asked_for_a_missing_address_and_must_speak_of_the_same_person(
    office: Office, work: Work, subject: str, expected: str
) -> None:
    work.changes = {"email": None, "email_verified": None}
    said = {"sub": subject, "email": "dougal@strathclachan.example", "email_verified": True}
    work.outside.serve("/userinfo", json.dumps(said))
    _, status, _ = sign_in(office, work)
    assert status == expected
    asked = next(one for one in work.outside.sent if one.path == "/userinfo")
    assert asked.headers["authorization"] == "Bearer x"


def test_a_token_of_another_key_lets_nobody_in(office: Office, work: Work) -> None:
    work.key = rsa_key(6)
    _, status, _ = sign_in(office, work)
    assert status == "403"
    assert office.world.scalar("SELECT count(*) FROM upstream_link") == 0


def test_an_address_that_google_did_not_confirm_is_not_believed() -> None:
    policy = read_policy(
        "strathclachan",
        {
            "shape": "google",
            "tenant": "strathclachan.example",
            "client_id": "c",
            "auth_method": "client_secret_post",
        },
    )
    assert policy.issuer == "https://accounts.google.com"
    found = read_identity(google(email_verified=False), policy, "n", NOW)
    assert found.email is None
    assert found.factor == "organisation"
    assert read_identity(google(), policy, "n", NOW).email == "a@strathclachan.example"


def google(**changes: object) -> dict[str, object]:
    now = int(NOW.timestamp())
    return {
        "iss": "https://accounts.google.com",
        "aud": "c",
        "sub": "s",
        "iat": now,
        "exp": now + 60,
        "nonce": "n",
        "hd": "strathclachan.example",
        "email": "a@strathclachan.example",
        "email_verified": True,
    } | changes


def test_entra_gives_its_issuer_from_the_tenant_and_takes_the_principal_name() -> None:
    values = {
        "shape": "entra",
        "tenant": TENANT,
        "client_id": "c",
        "auth_method": "client_secret_post",
    }
    policy = read_policy("strathclachan", values)
    assert policy.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    claims = google(
        iss=policy.issuer,
        tid=TENANT,
        email=None,
        email_verified=None,
        preferred_username="a@strathclachan.example",
        amr=["pwd", "mfa"],
    )
    found = read_identity(claims, policy, "n", NOW)
    assert (found.email, found.factor) == (
        "a@strathclachan.example",
        "organisation_two_factors",
    )


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"shape": "x"}, "shape"),
        ({"shape": "entra", "tenant": "common"}, "tenant"),
        ({"shape": "google", "tenant": "x"}, "tenant"),
        ({"shape": "plain", "issuer": "nowhere"}, "issuer"),
        ({"shape": "plain", "issuer": "https://x.example", "client_id": ""}, "client_id"),
        (
            {"shape": "google", "tenant": "x.example", "auth_method": "private_key_jwt"},
            "auth_method",
        ),
    ],
    ids=["shape", "tenant", "domain", "issuer", "client", "method"],
)
def test_a_provider_that_cannot_work_is_refused(values: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_policy("strathclachan", values)
    assert field in {fault.field for fault in refused.value.fields}


@pytest.mark.parametrize(
    "domain", ["gmail.com", "nodots", "", "a b.example", "x" * 260 + ".example"]
)
def test_a_domain_of_everybody_or_nobody_is_refused(domain: str) -> None:
    with pytest.raises(Invalid):
        check_domain(domain)


def test_identity_of_another_policy_is_refused() -> None:
    policy = UpstreamPolicy(
        "s", "plain", "https://x.example", "c", "client_secret_post", "", (), True, False
    )
    with pytest.raises(UpstreamRefusedError):
        read_identity(google(), policy, "n", NOW)


def name_server(answer: Callable[[bytes], bytes]) -> tuple[str, int]:
    """Answer one question on a socket."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        question, address = server.recvfrom(512)
        server.sendto(answer(question), address)
        server.close()

    Thread(target=serve, daemon=True).start()
    return server.getsockname()  # type: ignore[no-any-return]  # host and port


def txt_answer(question: bytes, *texts: str) -> bytes:
    records = b""
    for said in texts:
        pieces = b"".join(
            bytes([len(part)]) + part.encode() for part in (said[:200], said[200:]) if part
        )
        records += b"\xc0\x0c" + struct.pack(">2HIH", 16, 1, 60, len(pieces)) + pieces
    head = question[:2] + struct.pack(">5H", 0x8180, 1, len(texts), 0, 0)
    return head + question[12:] + records


def test_txt_records_are_read_from_a_name_server(office: Office) -> None:
    long = "x" * 250
    server = name_server(lambda question: txt_answer(question, "v=spf1", long))
    assert read_txt("strathclachan.example", server) == ["v=spf1", long]
    assert resolver_address("127.0.0.1:5353") == ("127.0.0.1", 5353)
    with pytest.raises(DnsAwayError):
        read_txt(
            "a.example", name_server(lambda question: b"\0\0" + txt_answer(question)[2:] + b"")
        )
    with pytest.raises(DnsAwayError):
        read_txt("a.example", name_server(lambda _question: secrets.token_bytes(5)))


def test_a_domain_is_confirmed_by_its_txt_record(office: Office) -> None:
    office.owner.post(f"{BODY}/sign-on/domains", domain="strathclachan.example")
    challenge = str(office.world.scalar("SELECT challenge FROM staff_domain"))
    settings = office.world.http.app.routes[-1].app.state.provider.settings  # type: ignore[attr-defined]  # the test client holds our own app

    def look(*texts: str) -> Colleague:
        host, port = name_server(lambda question: txt_answer(question, *texts))
        settings.dns_resolver = f"{host}:{port}"
        return office.owner.post(f"{BODY}/sign-on/domains/check", domain="strathclachan.example")  # type: ignore[return-value]  # the client answers so

    assert look("something else").status_code == 422  # type: ignore[attr-defined]  # only this kind has it
    assert office.world.scalar("SELECT confirmed_at FROM staff_domain") is None
    assert look("v=spf1", challenge).status_code == 303  # type: ignore[attr-defined]  # only this kind has it
    assert office.world.scalar("SELECT confirmed_by FROM staff_domain") == "dns"
    with office.world.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO staff_domain (organisation, domain, challenge, created_at)"
                " VALUES ('glenmore', 'strathclachan.example', 'c', now())"
            )
        )
    taken = office.operator.post(
        "/identity/console/operations/domains/glenmore/strathclachan.example"
    )
    assert taken.status_code == 409
