"""Plan config: the metadata tells the truth."""

import json

from identity.relying_parties.profiles import RESPONSE_TYPES
from tests.identity.oidc.world import OIDC, World

_REQUIRED = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "scopes_supported",
    "claims_supported",
)


def test_oidcc_discovery_endpoint_verification(world: World) -> None:
    answer = world.http.get(f"{OIDC}/.well-known/openid-configuration")
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    document = answer.json()
    assert all(document[name] for name in _REQUIRED)
    assert document["issuer"] == OIDC
    assert set(document["response_types_supported"]) == set(RESPONSE_TYPES)
    assert {"query", "fragment", "form_post"} <= set(document["response_modes_supported"])
    assert {"authorization_code", "implicit"} <= set(document["grant_types_supported"])
    assert {"pairwise", "public"} == set(document["subject_types_supported"])
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert "none" not in document["id_token_signing_alg_values_supported"]
    assert document["claims_parameter_supported"] is True
    assert "openid" in document["scopes_supported"]
    keys = world.http.get(document["jwks_uri"]).json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    assert all(key["use"] == "sig" for key in keys)
    private = {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert not any(private & set(key) for key in keys)


def test_every_supported_claim_and_level_is_really_told(world: World) -> None:
    """What the metadata lists is what ``claims`` and ``acr_values`` understand."""
    world.register(scopes=("openid", "profile", "email", "address", "staff"), first_party=True)
    world.sign_in()
    document = world.http.get(f"{OIDC}/.well-known/openid-configuration").json()
    person = [name for name in document["claims_supported"] if name.startswith(("email", "loc"))]
    tokens = world.tokens(
        claims=json.dumps({"userinfo": dict.fromkeys(person)}),
        acr_values=document["acr_values_supported"][0],
    )
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    told = world.http.get(document["userinfo_endpoint"], headers=bearer).json()
    assert set(told) == {"sub", *person}
