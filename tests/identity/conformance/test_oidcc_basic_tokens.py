"""Plans basic, implicit, hybrid and their form_post twins: tokens, claims and signed requests."""

import json

import pytest

from tests.identity.conformance.core_client import (
    CLIENT,
    EMAIL,
    OTHER_CALLBACK,
    Run,
    Tokens,
    Variant,
    in_its_plans,
)
from tests.identity.oidc.test_claims import fill_safe
from tests.identity.oidc.world import CALLBACK, OIDC, Person, World, b64
from tests.support.outside import Outside


@pytest.fixture
def run(request: pytest.FixtureRequest, world: World) -> Run:
    variant: Variant = request.param
    made = Run(world, variant)
    made.register()
    made.add_person()
    return made


def unsigned(run: Run, **changes: object) -> str:
    """Return an unsigned request object with the whole request of the variant."""
    claims: dict[str, object] = {
        "client_id": run.client_id,
        "response_type": run.variant.response_type,
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "of-the-object",
        "nonce": "of-the-object",
    } | changes
    if run.variant.form_post:
        claims["response_mode"] = "form_post"
    header = b64(json.dumps({"alg": "none"}).encode())
    return f"{header}.{b64(json.dumps(claims).encode())}."


def has_token(run: Run) -> bool:
    """Tell whether the variant ends with an access token at all."""
    return run.variant.brings("token") or run.variant.brings("code")


@in_its_plans
def test_oidcc_userinfo_get(run: Run) -> None:
    given = run.finish(run.start())
    if has_token(run):
        answer = given.userinfo()
        assert (answer.status_code, answer.json()) == (200, {"sub": given.claims["sub"]})
        assert answer.headers["content-type"] == "application/json"
    else:
        assert given.userinfo().status_code == 401, "there is no token to ask with"


@in_its_plans
def test_oidcc_userinfo_post_header(run: Run) -> None:
    given = run.finish(run.start())
    bearer = {"Authorization": f"Bearer {given.access_token}"}
    answer = run.world.http.post(f"{OIDC}/userinfo", headers=bearer)
    assert answer.status_code == (200 if has_token(run) else 401)
    assert not has_token(run) or answer.json() == {"sub": given.claims["sub"]}


@in_its_plans
def test_oidcc_userinfo_post_body(run: Run) -> None:
    given = run.finish(run.start())
    form = {"access_token": given.access_token}
    answer = run.world.http.post(f"{OIDC}/userinfo", data=form)
    assert answer.status_code == (200 if has_token(run) else 401)
    assert not has_token(run) or answer.json() == {"sub": given.claims["sub"]}


@in_its_plans
def test_oidcc_scope_profile(run: Run) -> None:
    given = run.finish(run.start(scope="openid profile"))
    told = given.about_person()
    assert (told["name"], told["locale"]) == ("Jean Example", "en")
    _check_only_there(run, given, "name")


@in_its_plans
def test_oidcc_scope_email(run: Run) -> None:
    given = run.finish(run.start(scope="openid email"))
    told = given.about_person()
    assert (told["email"], told["email_verified"]) == (EMAIL, True)
    _check_only_there(run, given, "email")


@in_its_plans
def test_oidcc_scope_address(run: Run) -> None:
    _fill_safe(run)
    given = run.finish(run.start(scope="openid address"))
    address = given.about_person()["address"]
    assert isinstance(address, dict)
    assert address["postal_code"] == "ZZ1 1ZZ"
    _check_only_there(run, given, "address")


@in_its_plans
def test_oidcc_scope_phone(run: Run) -> None:
    run.start()
    account_id = run.world.scalar("SELECT id FROM account")
    run.world.execute(
        "INSERT INTO phone (account_id, kind, number_index, number_sealed, check_id, confirmed_at)"
        " VALUES (:id, 'mobile', :index, :sealed, gen_random_uuid(), now())",
        id=account_id,
        index=b"index of a number",
        sealed=run.world.sealer.seal(
            b"+447700900123", f"identity.phone.number:{account_id}".encode()
        ),
    )
    answered = run.read(run.go_on(run.ask(scope="openid phone")))
    given = run.finish(answered).about_person()
    assert given["phone_number"] == "+447700900123"
    assert given["phone_number_verified"] is True


@in_its_plans
def test_oidcc_scope_all(run: Run) -> None:
    _fill_safe(run)
    given = run.finish(run.start(scope="openid profile email address phone"))
    assert {"name", "email", "address"} <= set(given.about_person())


@in_its_plans
def test_oidcc_claims_essential(run: Run) -> None:
    target = "userinfo" if has_token(run) else "id_token"
    claims = json.dumps({target: {"name": {"essential": True}}})
    given = run.finish(run.start(claims=claims))
    assert given.about_person()["name"] == "Jean Example"


@in_its_plans
def test_oidcc_codereuse(run: Run) -> None:
    """A code works once; after that everything that came of it is worthless."""
    answer = run.start()
    given = run.finish(answer)
    again = run.redeem(answer["code"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert given.userinfo().status_code == 401


@in_its_plans
def test_oidcc_codereuse_30seconds(run: Run) -> None:
    answer = run.start()
    given = run.finish(answer)
    run.world.execute(
        "UPDATE authorisation SET code_consumed_at = code_consumed_at - interval '30 seconds'"
    )
    again = run.redeem(answer["code"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert given.userinfo().status_code == 401


@in_its_plans
def test_oidcc_server_client_secret_post(run: Run) -> None:
    run.auth_method = "client_secret_post"
    run.register()
    run.finish(run.start())


@in_its_plans
def test_oidcc_refresh_token(run: Run) -> None:
    """A refresh token gives new tokens for the same person, and only to its own client."""
    run.world.register(
        CLIENT,
        auth_method="client_secret_basic",
        redirect_uris=(CALLBACK, OTHER_CALLBACK),
        grant_types=("authorization_code", "refresh_token"),
        pkce="exempt",
        id_token_alg="RS256",
        options=run.options(),
    )
    given = run.finish(run.start())
    first = given.body
    answer = run.post("/token", grant_type="refresh_token", refresh_token=first["refresh_token"])
    second = answer.json()
    assert answer.status_code == 200
    assert second["access_token"] != first["access_token"]
    claims = given.check(second["id_token"], "n/nce==", second)
    assert all(claims[name] == given.claims[name] for name in ("iss", "sub", "aud", "auth_time"))
    newest = Tokens(run.world, {"access_token": second["access_token"]})
    assert newest.userinfo().status_code == 200
    run.world.register("other-client", auth_method="client_secret_basic")
    run.world.http.cookies.clear()
    stolen = run.post(
        "/token",
        client_id="other-client",
        grant_type="refresh_token",
        refresh_token=second["refresh_token"],
    )
    assert stolen.status_code in (400, 401)


@in_its_plans
def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    run: Run,
) -> None:
    """Refused, unless the client registered that it does not sign."""
    refused = run.read(run.ask(request=unsigned(run)))
    assert refused["error"] == "request_not_supported"
    run.client_id = "unsigned-client"
    run.register(request_object_signing_alg="none")
    answer = run.start(request=unsigned(run))
    assert answer["state"] == "of-the-object"
    run.finish(answer, nonce="of-the-object")


@in_its_plans
def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(
    run: Run, outside: Outside
) -> None:
    """Refused, unless the client registered the address and that it does not sign."""
    address = outside.serve("/request", unsigned(run), content_type="application/jwt")
    refused = run.read(run.ask(request_uri=address))
    assert refused["error"] == "request_uri_not_supported"
    run.client_id = "unsigned-client"
    run.register(request_object_signing_alg="none", request_uris=(address,))
    outside.serve("/request", unsigned(run), content_type="application/jwt")
    answer = run.start(request_uri=address)
    assert answer["state"] == "of-the-object"
    run.finish(answer, nonce="of-the-object")


@in_its_plans
def test_oidcc_ensure_request_object_with_redirect_uri(run: Run) -> None:
    """The address in the object counts, not the one outside; both must be registered."""
    run.register(request_object_signing_alg="none")
    begun = run.ask(request=unsigned(run), redirect_uri=OTHER_CALLBACK)
    run.finish(run.read(run.sign_in(begun)), nonce="of-the-object")
    foreign = run.ask(request=unsigned(run, redirect_uri="https://evil.example/callback"))
    assert foreign.status_code == 400
    assert 'id="oidc-error"' in foreign.text


def _check_only_there(run: Run, given: Tokens, claim: str) -> None:
    """Scopes are answered in the ID token only where no access token is issued (Core, 5.4)."""
    assert (claim in given.claims) != has_token(run)


def _fill_safe(run: Run) -> None:
    account_id = run.world.scalar("SELECT id FROM account")
    fill_safe(run.world, Person(account_id, account_id, ""))  # type: ignore[arg-type]  # a UUID
