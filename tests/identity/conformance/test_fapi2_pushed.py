"""FAPI 2.0 Security Profile: requests that are sent ahead (RFC 9126) and PKCE."""

from collections import Counter
from typing import Any

import pytest

from tests.identity.conformance.strict_client import STRICT, StrictClient, now
from tests.identity.oidc.test_single_use import in_parallel
from tests.identity.oidc.world import World, answer_of, b64

PAR = f"{STRICT}/par"
URN = "urn:ietf:params:oauth:request_uri:"


def nothing_pushed(client: StrictClient) -> bool:
    return client.world.scalar("SELECT count(*) FROM pushed_request") == 0


def is_refused(client: StrictClient, request_uri: str) -> bool:
    """Tell whether a pushed request cannot be begun with: a page, and nobody is led anywhere."""
    page = client.visit(request_uri)
    return page.status_code == 400 and "location" not in page.headers


def test_fapi2_security_profile_final_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(  # noqa: E501 - the module's name
    fapi: StrictClient,
) -> None:
    name = fapi.pushed(prompt="consent")
    for _ in range(2):
        assert fapi.visit(name).headers["location"].startswith("/identity/consent?flow=")
    assert fapi.world.scalar("SELECT count(consumed_at) FROM pushed_request") == 0


def test_fapi2_security_profile_final_par_attempt_reuse_request_uri(fapi: StrictClient) -> None:
    name = fapi.pushed()
    assert "code" in fapi.answer(fapi.visit(name))
    assert is_refused(fapi, name)
    assert fapi.world.scalar("SELECT count(*) FROM authorisation") == 1


def test_fapi2_security_profile_final_par_attempt_to_use_expired_request_uri(
    fapi: StrictClient,
) -> None:
    answer = fapi.push().json()
    assert 0 < answer["expires_in"] <= 600
    assert answer["request_uri"].startswith(URN)
    fapi.world.execute("UPDATE pushed_request SET valid_until = now() - interval '1 second'")
    assert is_refused(fapi, answer["request_uri"])
    assert is_refused(fapi, f"{URN}invented")


def test_fapi2_security_profile_final_par_attempt_to_use_request_uri_for_different_client(
    fapi: StrictClient,
) -> None:
    other = StrictClient(fapi.world, fapi.auth, fapi.binding, client_id="other-client").register()
    name = fapi.pushed()
    assert is_refused(other, name)
    assert "code" in fapi.answer(fapi.visit(name)), "it is unharmed"


def test_fapi2_security_profile_final_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(  # noqa: E501 - the module's name
    jwt: StrictClient,
) -> None:
    form = jwt.parameters() | jwt.credentials()
    good = form | {"client_assertion": jwt.assertion(nbf=now() + 8, iat=now() + 8)}
    assert jwt.send("/par", good).status_code == 201


def test_fapi2_security_profile_final_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(  # noqa: E501 - the module's name
    jwt: StrictClient,
) -> None:
    refuses_assertion(jwt, nbf=now() + 65)


def refuses_assertion(client: StrictClient, **changes: Any) -> None:
    assertion = client.assertion(**changes)
    form = client.parameters() | client.credentials() | {"client_assertion": assertion}
    refused = client.send("/par", form)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert nothing_pushed(client)


def test_fapi2_security_profile_final_par_test_array_as_audience_fails(jwt: StrictClient) -> None:
    refuses_assertion(jwt, aud=[STRICT])


def test_fapi2_security_profile_final_par_test_par_endpoint_url_as_audience_fails(
    jwt: StrictClient,
) -> None:
    refuses_assertion(jwt, aud=PAR)


def test_fapi2_security_profile_final_par_test_token_endpoint_url_as_audience_fails(
    jwt: StrictClient,
) -> None:
    refuses_assertion(jwt, aud=f"{STRICT}/token")


def test_fapi2_security_profile_final_par_authorization_request_containing_request_uri_form_param(
    fapi: StrictClient,
) -> None:
    refused = fapi.push(outside={"request_uri": f"{URN}other"})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert nothing_pushed(fapi)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(jwt: StrictClient, method: str) -> None:
    refused = jwt.http.request(method, PAR)
    assert (refused.status_code, refused.json()["error"]) == (405, "invalid_request")
    assert refused.headers["allow"] == "POST"


def test_fapi2_security_profile_final_par_attempt_invalid_http_method(fapi: StrictClient) -> None:
    refused = fapi.http.get(PAR, params=fapi.parameters() | fapi.credentials())
    assert refused.status_code == 405
    assert nothing_pushed(fapi)


def refuses_request(client: StrictClient, **changes: Any) -> None:
    refused = client.push(**changes)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert nothing_pushed(client)


def test_fapi2_security_profile_final_par_ensure_pkce_required(fapi: StrictClient) -> None:
    refuses_request(fapi, code_challenge=None, code_challenge_method=None)


def test_fapi2_security_profile_final_par_plain_pkce_rejected(fapi: StrictClient) -> None:
    refuses_request(fapi, code_challenge=fapi.world.verifier, code_challenge_method="plain")
    refuses_request(fapi, code_challenge_method=None)


def refuses_verifier(client: StrictClient, verifier: str | None) -> None:
    code = client.code()
    refused = client.redeem(code, code_verifier=verifier)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert client.redeem(code).status_code == 200


def test_fapi2_security_profile_final_ensure_pkce_code_verifier_required(
    fapi: StrictClient,
) -> None:
    refuses_verifier(fapi, None)


def test_fapi2_security_profile_final_incorrect_pkce_code_verifier_rejected(
    fapi: StrictClient,
) -> None:
    refuses_verifier(fapi, b64(bytes(40)))


def test_fapi2_security_profile_final_par_without_duplicate_parameters(fapi: StrictClient) -> None:
    """The browser brings nothing but the client and the name of the request; twice is refused."""
    assert "code" in fapi.answer(fapi.visit(fapi.pushed()))
    form = fapi.parameters() | fapi.credentials()
    twice = [*form.items(), ("scope", "openid")]
    body = "&".join(f"{name}={value}" for name, value in twice)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    refused = fapi.http.post(PAR, content=body, headers=headers)
    assert refused.status_code in {400, 401}
    assert fapi.world.scalar("SELECT count(*) FROM pushed_request") == 1


@pytest.mark.committed
def test_of_sixteen_parallel_visits_exactly_one_gets_a_code(world: World) -> None:
    world.sign_in()
    client = StrictClient(world).register()
    for number in range(6):
        name = client.pushed()
        answers = in_parallel(lambda name=name: client.visit(name))
        codes = Counter(
            "code" if "location" in one.headers and "code" in answer_of(one) else "none"
            for one in answers
        )
        assert codes == {"code": 1, "none": 15}
        assert world.scalar("SELECT count(*) FROM authorisation") == number + 1


def test_the_flow_of_a_pushed_request_outlives_it_and_spends_it(jwt: StrictClient) -> None:
    """A person may take longer than the request is valid; two windows get one answer."""
    name = jwt.pushed(prompt="consent")
    flows = [jwt.visit(name).headers["location"].partition("flow=")[2] for _ in range(2)]
    jwt.world.execute("UPDATE pushed_request SET valid_until = now() - interval '1 minute'")
    kept = "SELECT expires_at > now() + interval '6 days' FROM pushed_request"
    assert jwt.world.scalar(kept) is True
    jwt.world.execute("UPDATE flow SET consented_at = now(), shared_scopes = '{}'")
    get = jwt.world.http.get
    first, second = (get("/identity/continue", params={"flow": flow}) for flow in flows)
    assert "code" in jwt.answer(first)
    assert jwt.answer(second)["error"] == "invalid_request_uri"
    assert jwt.world.scalar("SELECT count(*) FROM authorisation") == 1
    assert jwt.world.scalar("SELECT count(consumed_at) FROM pushed_request") == 1


def test_a_refusal_spends_the_request_too(jwt: StrictClient) -> None:
    name = jwt.pushed(prompt="none")
    jwt.world.http.cookies.clear()
    assert jwt.answer(jwt.visit(name))["error"] == "login_required"
    assert is_refused(jwt, name)


def test_what_is_pushed_cannot_be_read_from_the_database(jwt: StrictClient) -> None:
    name = jwt.pushed(login_hint="jean@example.test").removeprefix(URN)
    row = str(jwt.world.scalar("SELECT t::text FROM pushed_request t"))
    for secret in (name, "jean@example.test", b"jean@example.test".hex(), name.encode().hex()):
        assert secret not in row
