"""FAPI 2.0 Security Profile: proofs of possession (RFC 9449)."""

from typing import Any

import pytest
from joserfc.jwk import OKPKey

from tests.identity.conformance.strict_client import STRICT, StrictClient, now
from tests.identity.oidc.world import ec_key, rsa_key

TOKEN = f"{STRICT}/token"
USERINFO = f"{STRICT}/userinfo"
OTHER = ec_key("P-256", 8)


def with_nonce(client: StrictClient) -> StrictClient:
    """Let the client know a nonce of the server."""
    answer = client.send("/token", {"grant_type": "refresh_token", **client.credentials()})
    client.nonce = answer.headers["DPoP-Nonce"]
    return client


def test_fapi2_security_profile_final_check_dpop_proof_nbf_exp(dpop: StrictClient) -> None:
    with_nonce(dpop)
    times: dict[str, Any] = {"nbf": now(), "exp": now() + 300}
    code = dpop.code()
    tokens = dpop.redeem(code, proof=dpop.proof(TOKEN, **times)).json()
    token = tokens["access_token"]
    assert dpop.userinfo(token, **times).status_code == 200
    for wrong in ({"exp": now() - 60}, {"nbf": now() + 60}, {"exp": "soon"}, {"nbf": True}):
        refused = dpop.userinfo(token, **wrong)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_dpop_proof")


def takes_clock(dpop: StrictClient, seconds: int) -> None:
    with_nonce(dpop)
    code = dpop.code()
    tokens = dpop.redeem(code, proof=dpop.proof(TOKEN, iat=now() + seconds)).json()
    assert dpop.userinfo(tokens["access_token"], iat=now() + seconds).status_code == 200


def test_fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_before_succeeds(
    dpop: StrictClient,
) -> None:
    takes_clock(dpop, -10)


def test_fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_after_succeeds(
    dpop: StrictClient,
) -> None:
    takes_clock(dpop, 10)


def test_fapi2_security_profile_final_ensure_mismatched_dpop_jkt_fails(dpop: StrictClient) -> None:
    with_nonce(dpop)
    form = dpop.parameters() | dpop.credentials() | {"dpop_jkt": OTHER.thumbprint()}
    refused = dpop.send("/par", form, proof=dpop.proof(f"{STRICT}/par"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert dpop.world.scalar("SELECT count(*) FROM pushed_request") == 0


def pushed_with_proof(client: StrictClient) -> str:
    """Push a request with a proof of the client's own key and return its code."""
    with_nonce(client)
    form = client.parameters() | client.credentials()
    pushed = client.send("/par", form, proof=client.proof(f"{STRICT}/par"))
    assert pushed.status_code == 201, pushed.text
    return client.answer(client.visit(pushed.json()["request_uri"]))["code"]


def refuses_other_key(client: StrictClient, code: str) -> None:
    refused = client.redeem(code, proof=client.proof(TOKEN, key=OTHER))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert client.world.scalar("SELECT count(code_consumed_at) FROM authorisation") == 0
    assert client.redeem(code).status_code == 200


def test_fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(
    dpop: StrictClient,
) -> None:
    refuses_other_key(dpop, pushed_with_proof(dpop))


def test_fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(
    dpop: StrictClient,
) -> None:
    with_nonce(dpop)
    refuses_other_key(dpop, dpop.code(dpop_jkt=dpop.proof_key.thumbprint()))


def test_fapi2_security_profile_final_ensure_dpopproof_at_par_endpoint_binding_success(
    dpop: StrictClient,
) -> None:
    tokens = dpop.redeem(pushed_with_proof(dpop)).json()
    assert dpop.userinfo(tokens["access_token"]).status_code == 200


def test_fapi2_security_profile_final_ensure_dpop_auth_code_binding_success(
    dpop: StrictClient,
) -> None:
    tokens = dpop.tokens(dpop_jkt=dpop.proof_key.thumbprint())
    assert dpop.userinfo(tokens["access_token"]).status_code == 200


def _wrong_proofs(client: StrictClient, url: str, method: str, token: str | None) -> list[str]:
    """Return proofs that are wrong in one thing each."""

    def proof(**changes: Any) -> str:
        return client.proof(url, method, token=token, **changes)

    private = client.proof_key.as_dict(private=True)
    good = proof()
    return [
        "not a proof",
        good[:-8] + "AAAAAAAA",
        proof(htm="PUT"),
        proof(htm=None),
        proof(htu=f"{STRICT}/authorize"),
        proof(htu=f"https://elsewhere.example/{url.rpartition('/')[2]}"),
        proof(htu=None),
        proof(iat=None),
        proof(iat=str(now())),
        proof(iat=now() + 60),
        proof(iat=now() - 60),
        proof(jti=None),
        proof(jti=""),
        proof(header={"typ": "jwt"}),
        proof(header={"typ": None}),
        proof(header={"jwk": None}),
        proof(header={"jwk": private}),
        proof(header={"jwk": {"kty": "oct", "k": "c2VjcmV0"}}),
        proof(header={"jwk": OTHER.as_dict(private=False)}),
        proof(header={"alg": "none"}),
        proof(header={"jku": "https://council.example/keys"}),
        proof(header={"crit": ["exp"], "exp": 1}),
        proof(header={"alg": "RS256"}, key=rsa_key(1)),
        "x" * 9000,
    ]


def test_fapi2_security_profile_final_dpop_negative_tests(dpop: StrictClient) -> None:
    with_nonce(dpop)
    code = dpop.code()
    for number, wrong in enumerate(_wrong_proofs(dpop, TOKEN, "POST", None)):
        refused = dpop.redeem(code, proof=wrong)
        assert (number, refused.status_code) == (number, 400)
        assert (number, refused.json()["error"]) == (number, "invalid_dpop_proof")
    assert dpop.world.scalar("SELECT count(code_consumed_at) FROM authorisation") == 0
    token = dpop.redeem(code).json()["access_token"]
    for number, wrong in enumerate(_wrong_proofs(dpop, USERINFO, "GET", token)):
        refused = dpop.userinfo(token, proof=wrong)
        assert (number, refused.status_code) == (number, 401)
        assert "invalid_dpop_proof" in refused.headers["www-authenticate"]
    assert dpop.userinfo(token).status_code == 200


def test_a_proof_counts_once(dpop: StrictClient) -> None:
    with_nonce(dpop)
    token = dpop.tokens()["access_token"]
    proof = dpop.proof(USERINFO, "GET", token=token)
    assert dpop.userinfo(token, proof=proof).status_code == 200
    assert dpop.userinfo(token, proof=proof).json()["error"] == "invalid_dpop_proof"


def test_a_bound_token_is_worthless_without_its_key(dpop: StrictClient) -> None:
    token = dpop.tokens()["access_token"]
    without = dpop.userinfo(token, proof=None)
    assert without.status_code == 401
    assert without.headers["www-authenticate"].startswith("DPoP ")
    downgraded = dpop.userinfo(token, scheme="Bearer")
    assert (downgraded.status_code, downgraded.json()["error"]) == (401, "invalid_token")
    stranger = dpop.proof(USERINFO, "GET", key=OTHER, token=token)
    assert dpop.userinfo(token, proof=stranger).json()["error"] == "invalid_token"
    for ath in (None, "wrong"):
        wrong = dpop.proof(USERINFO, "GET", token=token, ath=ath)
        assert dpop.userinfo(token, proof=wrong).json()["error"] == "invalid_dpop_proof"
    assert dpop.http.post(USERINFO, data={"access_token": token}).status_code == 401


def test_two_proofs_are_none(dpop: StrictClient) -> None:
    with_nonce(dpop)
    form = {
        "grant_type": "authorization_code",
        "code": dpop.code(),
        "redirect_uri": "https://council.example/callback",
        "code_verifier": dpop.world.verifier,
        **dpop.credentials(),
    }
    headers = [("DPoP", dpop.proof(TOKEN)), ("DPoP", dpop.proof(TOKEN))]
    if dpop.auth == "private_key_jwt":
        refused = dpop.http.post(TOKEN, data=form, headers=headers)
        assert refused.json()["error"] == "invalid_dpop_proof"


def test_an_unknown_or_missing_nonce_is_answered_with_a_good_one(dpop: StrictClient) -> None:
    code = dpop.code()
    for nonce in (None, "invented", 5):
        dpop.nonce = None
        asked = dpop.redeem(code, proof=dpop.proof(TOKEN, nonce=nonce))
        assert (asked.status_code, asked.json()["error"]) == (400, "use_dpop_nonce")
    good = dpop.proof(TOKEN, nonce=asked.headers["DPoP-Nonce"])
    assert dpop.redeem(code, proof=good).status_code == 200


def test_the_address_is_compared_as_addresses_are(dpop: StrictClient) -> None:
    with_nonce(dpop)
    for same in ("HTTP://LOCALHOST:8000/identity/strict/token?a=b#c", f"{STRICT}/%74oken"):
        assert dpop.redeem(dpop.code(), proof=dpop.proof(TOKEN, htu=same)).status_code == 200


@pytest.mark.parametrize("kind", ["PS256", "EdDSA"])
def test_every_offered_algorithm_makes_proofs(dpop: StrictClient, kind: str) -> None:
    with_nonce(dpop)
    key = rsa_key(2) if kind == "PS256" else OKPKey.generate_key("Ed25519")
    proof = dpop.proof(TOKEN, key=key, header={"alg": kind})
    answer = dpop.redeem(dpop.code(), proof=proof)
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "DPoP"


def test_another_key_may_refresh_for_a_client_that_proves_itself_but_no_key_may_not(
    dpop: StrictClient,
) -> None:
    first = dpop.tokens()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    without = dpop.send("/token", form | dpop.credentials(), proof=None)
    assert without.json()["error"] == "invalid_request"
    dpop.proof_key = OTHER
    again = dpop.send("/token", form | dpop.credentials()).json()
    assert dpop.userinfo(again["access_token"]).status_code == 200
    assert dpop.userinfo(first["access_token"]).json()["error"] == "invalid_token"
