"""RFC 8693: a token becomes a narrower one that says who acts."""

import pytest

from identity.relying_parties.grants import TOKEN_EXCHANGE
from identity.relying_parties.options import ClientOptions
from shared import clock
from tests.identity.oidc.grants import PAYMENT, Grants, error_of
from tests.identity.oidc.test_at_rest import counted
from tests.identity.oidc.test_resources_and_details import RECORDS, TAXES
from tests.identity.oidc.world import OIDC, SECRET, decode

ACCESS = "urn:ietf:params:oauth:token-type:access_token"
OWN = "https://locker.example/api"


@pytest.fixture
def locker(grants: Grants) -> Grants:
    """A front end with a person, and the locker's service behind it."""
    grants.world.register(
        options=_options(resources=(OWN, RECORDS)), scopes=("openid", "email"), first_party=True
    )
    grants.register(
        "locker",
        TOKEN_EXCHANGE,
        redirect_uris=(),
        sector="l.example",
        options={"serves": (OWN,), "resources": (RECORDS, TAXES)},
    )
    return grants


def _options(**members: object) -> ClientOptions:
    return ClientOptions(**members)  # type: ignore[arg-type]  # members by name


def subject_token(grants: Grants, resource: str = OWN, scope: str = "openid email") -> str:
    return grants.world.tokens(resource=resource, scope=scope)["access_token"]


def made(grants: Grants, **claims: object) -> str:
    """Return a token like a front end's with further claims, signed by our own key."""
    token = subject_token(grants)
    _header, payload = decode(token)
    provider = grants.world.http.app.routes[-1].app.state.provider  # type: ignore[attr-defined]  # the test client holds our own app
    with grants.world.database.transaction() as session:
        ring = provider.keys(session, clock.now())
    return str(ring.sign("ES256", payload | claims, typ="at+jwt"))


def test_a_token_becomes_narrower_and_names_the_actor(locker: Grants) -> None:
    token = subject_token(locker)
    answer = locker.exchange(token, resource=RECORDS, scope="email")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["issued_token_type"] == ACCESS
    assert body["token_type"] == "Bearer"
    assert "refresh_token" not in body
    header, claims = decode(body["access_token"])
    before = decode(token)[1]
    assert header["typ"] == "at+jwt"
    assert claims["sub"] == before["sub"]
    assert claims["aud"] == RECORDS
    assert claims["scope"] == body["scope"] == "email"
    assert claims["client_id"] == "locker"
    assert claims["act"] == {"sub": "locker"}
    assert int(str(claims["exp"])) <= int(str(before["exp"]))
    assert claims["acr"] == before["acr"]
    assert claims["jti"] != before["jti"]


def test_it_costs_one_statement_and_writes_no_row(locker: Grants) -> None:
    locker.register(
        "locker",
        TOKEN_EXCHANGE,
        redirect_uris=(),
        sector="l.example",
        auth_method="client_secret_post",
        options={"serves": (OWN,), "resources": (RECORDS,)},
    )
    token = subject_token(locker)
    params: dict[str, object] = {
        "client_id": "locker",
        "client_secret": SECRET,
        "client_assertion": None,
        "client_assertion_type": None,
    }
    assert locker.exchange(token, **params).status_code == 200
    with counted(locker.world) as statements:
        assert locker.exchange(token, **params).status_code == 200
    assert len(statements) == 1
    assert locker.world.scalar("SELECT count(*) FROM authorisation") == 1


def test_a_chain_keeps_every_actor(locker: Grants) -> None:
    locker.register(
        "archive",
        TOKEN_EXCHANGE,
        redirect_uris=(),
        sector="a.example",
        options={"serves": (RECORDS,), "resources": (TAXES,)},
    )
    first = locker.exchange(subject_token(locker), resource=RECORDS).json()["access_token"]
    second = locker.exchange(first, "archive").json()["access_token"]
    claims = decode(second)[1]
    assert claims["aud"] == TAXES
    assert claims["act"] == {"sub": "archive", "act": {"sub": "locker"}}


def test_a_client_narrows_its_own_token_without_acting(locker: Grants) -> None:
    locker.register(
        "council-client",
        "authorization_code",
        TOKEN_EXCHANGE,
        options={"resources": (OWN, RECORDS)},
        first_party=True,
        scopes=("openid", "email"),
    )
    token = subject_token(locker)
    answer = locker.exchange(token, "council-client", scope="openid").json()
    claims = decode(answer["access_token"])[1]
    assert claims["aud"] == OWN
    assert claims["scope"] == "openid"
    assert "act" not in claims


def test_an_exchanged_token_ends_with_what_it_came_of(locker: Grants) -> None:
    tokens = locker.world.tokens(resource=OWN)
    exchanged = locker.exchange(tokens["access_token"], resource=RECORDS).json()["access_token"]
    seen = locker.post("/introspect", "locker", token=exchanged).json()
    assert seen["active"] is True
    assert seen["act"] == {"sub": "locker"}
    locker.world.execute("UPDATE authorisation SET revoked_at = now()")
    assert locker.post("/introspect", "locker", token=exchanged).json() == {"active": False}
    refused = locker.exchange(tokens["access_token"], resource=RECORDS)
    assert error_of(refused) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"audience": "https://elsewhere.example"}, "invalid_target"),
        ({"resource": OIDC}, "invalid_target"),
        ({"resource": None}, "invalid_target"),
        ({"scope": "openid staff"}, "invalid_scope"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token": "rubbish"}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
        ({"actor_token": "rubbish", "actor_token_type": ACCESS}, "invalid_request"),
        ({"actor_token_type": ACCESS}, "invalid_request"),
        (
            {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
            "invalid_request",
        ),
        ({"authorization_details": "[1]"}, "invalid_authorization_details"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_does_not_fit_is_refused(locker: Grants, wrong: dict[str, object], error: str) -> None:
    params: dict[str, object] = {"resource": RECORDS} | wrong
    answer = locker.exchange(subject_token(locker), **params)
    assert error_of(answer) == (400, error)


def test_a_token_that_is_not_meant_for_the_caller_is_refused(locker: Grants) -> None:
    answer = locker.exchange(subject_token(locker, RECORDS), resource=TAXES)
    assert error_of(answer) == (400, "unauthorized_client")


def test_only_registered_confidential_clients_may_exchange(locker: Grants) -> None:
    locker.world.register("council-other")
    refused = locker.exchange(subject_token(locker), "council-other", resource=RECORDS)
    assert error_of(refused) == (400, "unauthorized_client")
    locker.register("app", TOKEN_EXCHANGE, auth_method="none", redirect_uris=(), sector="x.example")
    refused = locker.exchange(
        subject_token(locker),
        "app",
        client_id="app",
        client_assertion=None,
        client_assertion_type=None,
    )
    assert error_of(refused) == (400, "unauthorized_client")


def test_a_programs_token_is_no_subject(locker: Grants) -> None:
    locker.register("robot", "client_credentials", scopes=("x.read",))
    token = locker.post("/token", "robot", grant_type="client_credentials").json()["access_token"]
    assert error_of(locker.exchange(token, resource=RECORDS)) == (400, "invalid_request")


def test_may_act_names_who_may(locker: Grants) -> None:
    good = made(locker, may_act={"sub": "locker"})
    claims = decode(locker.exchange(good, resource=RECORDS).json()["access_token"])[1]
    assert claims["act"] == {"sub": "locker"}
    for other in ({"sub": "archive"}, {"iss": OIDC}, {"sub": "locker", "iss": "x"}, "locker"):
        refused = locker.exchange(made(locker, may_act=other), resource=RECORDS)
        assert error_of(refused) == (400, "unauthorized_client"), other


def test_a_person_acts_for_another_only_where_the_token_says_so(locker: Grants) -> None:
    locker.register(
        "locker",
        "authorization_code",
        TOKEN_EXCHANGE,
        sector="council.example",
        options={"serves": (OWN,), "resources": (RECORDS,)},
    )
    helped = subject_token(locker)
    locker.world.sign_in("ross@example.test")
    helper = locker.world.tokens(client_id="locker")["access_token"]
    actor = {"actor_token": helper, "actor_token_type": ACCESS, "resource": RECORDS}
    refused = locker.exchange(helped, **actor)
    assert error_of(refused) == (400, "unauthorized_client")
    subject = decode(helper)[1]["sub"]
    locker.world.http.cookies.set("clachan-session", locker.person.cookie)
    allowed = made(locker, may_act={"sub": subject, "client_id": "locker"})
    answer = locker.exchange(allowed, **actor)
    assert answer.status_code == 200, answer.text
    claims = decode(answer.json()["access_token"])[1]
    assert claims["act"] == {"sub": subject, "client_id": "locker"}
    assert claims["sub"] == decode(helped)[1]["sub"]


def test_another_clients_actor_token_is_refused(locker: Grants) -> None:
    token = subject_token(locker)
    refused = locker.exchange(token, actor_token=token, actor_token_type=ACCESS, resource=RECORDS)
    assert error_of(refused) == (400, "unauthorized_client")


def test_typed_permissions_go_along_and_never_grow(locker: Grants) -> None:
    kept = made(locker, authorization_details=[PAYMENT])
    claims = decode(locker.exchange(kept, resource=RECORDS).json()["access_token"])[1]
    assert claims["authorization_details"] == [PAYMENT]


def test_a_bound_token_does_not_become_a_free_one(locker: Grants) -> None:
    bound = made(locker, cnf={"jkt": "x" * 43})
    assert error_of(locker.exchange(bound, resource=RECORDS)) == (400, "invalid_request")
