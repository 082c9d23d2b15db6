"""A client of the One Login profile, and what it asks."""

import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from httpx2 import Response

from identity.oidc import flows
from identity.relying_parties.options import ClientOptions
from identity.safe.actions import keep_for_flow
from identity.safe.rules import (
    ADDRESS_SCOPE,
    FAILED,
    GPG45_SCOPE,
    PASSPORT_SCOPE,
    make_item,
)
from shared import clock
from shared.ids import new_id
from tests.identity.oidc.world import PUBLIC_URL, Person, World, answer_of, decode, rsa_key

BASE = f"{PUBLIC_URL}/identity/onelogin"
ISSUER = f"{BASE}/"
CLIENT = "onelogin-client"
VOCABULARY = "https://vocab.account.gov.uk/v1/"
CORE, ADDRESS, PASSPORT, PERMIT, RETURN_CODE = (
    f"{VOCABULARY}{name}"
    for name in ("coreIdentityJWT", "address", "passport", "drivingPermit", "returnCode")
)
P2 = '["Cl.Cm.P2"]'
CLAIMS: dict[str, dict[str, object]] = {
    GPG45_SCOPE: {
        "given_name": "Ann Màiri",
        "family_name": "Fictional",
        "birth_date": "1980-02-01",
    },
    ADDRESS_SCOPE: {
        "address": {
            "uprn": "10022812929",
            "buildingNumber": "12",
            "streetName": "Invented Street",
            "addressLocality": "Strathclachan",
            "postalCode": "EH1 1AA",
        }
    },
    PASSPORT_SCOPE: {
        "documentNumber": "000000001",
        "icaoIssuerCode": "GBR",
        "expiryDate": "2035-01-01",
    },
}


def wish(*names: str) -> str:
    """Return a ``claims`` parameter."""
    return json.dumps({"userinfo": dict.fromkeys(names)})


@dataclass
class OneLogin:
    """Acts as the client; tokens are read without the library that made them."""

    world: World

    @classmethod
    def register(cls, world: World, **changes: object) -> "OneLogin":
        options = ClientOptions(levels_of_confidence=("P2",))
        values: dict[str, object] = {
            "profile": "onelogin",
            "scopes": ("openid", "email", "phone", "wallet-subject-id"),
            "grant_types": ("authorization_code",),
            "jwks": [rsa_key(0).as_dict(private=False)],
            "pkce": "exempt",
            "options": options,
            "first_party": True,
        }
        world.register(CLIENT, **(values | changes))
        return cls(world)

    def authorize(self, **changes: str | None) -> Response:
        plain = {"client_id": CLIENT, "code_challenge": None, "code_challenge_method": None}
        return self.world.authorize(BASE, **(plain | changes))

    def redeem(self, spent: str, **changes: str | None) -> Response:
        assertion = self.world.assertion(CLIENT, f"{BASE}/token", key=rsa_key(0))
        plain: dict[str, str | None] = {"client_assertion": assertion, "code_verifier": None}
        return self.world.redeem(spent, BASE, **({"client_id": CLIENT} | plain | changes))

    def tokens(self, **changes: str | None) -> dict[str, str]:
        answer = answer_of(self.authorize(**changes))
        assert "code" in answer, answer
        redeemed = self.redeem(answer["code"])
        assert redeemed.status_code == 200, redeemed.text
        return redeemed.json()  # type: ignore[no-any-return]  # JSON of our own making

    def userinfo(self, token: str) -> Response:
        return self.world.http.get(f"{BASE}/userinfo", headers={"Authorization": f"Bearer {token}"})

    def checked(
        self,
        person: Person,
        *names: str,
        outcome: str = "VERIFIED_SUCCESSFULLY",
        shared: tuple[str, ...] | None = None,
    ) -> Response:
        """Go through a flow in which a check of identity came to an end; return the last answer."""
        answer = self.authorize(vtr=P2, claims=wish(*names))
        flow_id = UUID(answer_of(answer)["flow"])
        now, txn = clock.now(), new_id()
        items = [
            make_item(scope, outcome=outcome, verified_at=now, txn=txn, claims=claims)
            for scope, claims in CLAIMS.items()
            if outcome != FAILED or scope == GPG45_SCOPE
        ]
        with self.world.database.transaction() as session:
            keep_for_flow(
                session,
                self.world.sealer,
                account_id=person.account_id,
                flow_id=flow_id,
                items=items,
                expires_at=now + timedelta(days=1),
                now=now,
            )
            flows.record_verification_done(session, flow_id, now)
            if shared is not None:
                flows.record_consent(session, flow_id, [f"claim:{one}" for one in shared], now)
        return self.world.http.get(f"/identity/continue?flow={flow_id}")

    def shown(self, answer: Response) -> dict[str, object]:
        """Return UserInfo of an answer with a code."""
        code = answer_of(answer).get("code")
        assert code, answer.headers["location"]
        tokens = self.redeem(code).json()
        found = self.userinfo(tokens["access_token"])
        assert found.status_code == 200, found.text
        assert found.json()["sub"] == decode(tokens["id_token"])[1]["sub"]
        return found.json()  # type: ignore[no-any-return]  # JSON of our own making
