"""ScotAccount attributes endpoint: https://github.com/ScotAccount/sg-identity-archdocs
Implemented: `/attributes/values` with `DIS-Client-Assertion`, claimsToken 2, and 1 by switch.
Left out: `scotaccount.mobile`, whose shape nobody published.
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from identity.accounts.queries import get_profile
from identity.oidc.actions import spend_assertion
from identity.oidc.authorisations import Authorisation
from identity.oidc.errors import ProtocolError
from identity.oidc.onelogin_userinfo import refuse_if_ordered
from identity.oidc.provider import Call
from identity.oidc.rfc6750_bearer_tokens import check_bearer_token, take_bearer_token
from identity.oidc.rfc7523_client_assertions import check_assertion, claimed_client, read_assertion
from identity.oidc.rfc9068_access_tokens import AccessToken
from identity.oidc.scotaccount_claims_v1 import make_version_1
from identity.relying_parties.rules import RelyingParty
from identity.safe.queries import email_item, list_attributes
from identity.safe.rules import EMAIL_SCOPE, Item
from identity.sandbox.faults import sign_with_faults

SCHEMA = "https://schema.scotaccount.service.gov.scot/external/v2/scotaccount-verified-claims"


def answer_attributes(
    call: Call, authorization: str | None, client_assertion: str | None
) -> dict[str, object]:
    """Return the ``claimsToken`` with what the person agreed to share in this flow.

    The access token may be used again until it expires, each time with a new assertion (S10).

    Raises:
        ProtocolError: 401 malformed or expired, 403 not allowed, 404 nothing is known.
    """
    access, authorisation = check_bearer_token(call, take_bearer_token(authorization))
    client = _check_caller(call, access, client_assertion)
    refuse_if_ordered(authorisation.asked.faults)
    asked = [scope for scope in access.scopes if scope in call.profile.attribute_scopes]
    if not asked:
        raise ProtocolError("access_denied", "No attribute scope was granted", status=403)
    shared = set(authorisation.shared_scopes)
    known = list_attributes(
        call.session,
        authorisation.account_id,
        call.provider.sealer,
        flow_id=authorisation.flow_id,
    )
    shares_email = EMAIL_SCOPE in shared & set(asked)
    if not known and not shares_email:
        raise ProtocolError("not_found", "Nothing is known about this person", status=404)
    items = [item for item in known if item["scope"] in shared & set(asked)]
    if shares_email and all(item["scope"] != EMAIL_SCOPE for item in items):
        items += _email_items(call, authorisation)
    claims: dict[str, object] = {
        "iss": f"{call.issuer.attributes_base}/jwt",
        "sub": authorisation.subject,
        "iat": int(call.now.timestamp()),
    }
    if client.options.claims_token_version == 1:
        claims |= make_version_1(items, authorisation.subject)
    else:
        claims |= {"$schema": SCHEMA, "verified_claims": items}
    algorithm, faults = call.profile.access_token_algorithm, authorisation.asked.faults
    return {"claimsToken": sign_with_faults(call.keys, algorithm, claims, faults, "claims_token")}


def _check_caller(call: Call, access: AccessToken, token: str | None) -> RelyingParty:
    if not token:
        raise ProtocolError("invalid_request", "DIS-Client-Assertion is missing", status=401)
    assertion = read_assertion(token)
    client = call.find_client(claimed_client(assertion))
    if client is None or client.client_id != access.client_id:
        raise ProtocolError(
            "access_denied", "The assertion is not that of the token's client", status=403
        )
    use = check_assertion(
        assertion,
        client,
        (call.issuer.attributes_url,),
        call.profile.assertion_algorithms,
        call.now,
    )
    if not spend_assertion(call.session, use):
        raise ProtocolError("access_denied", "The assertion was used before", status=403)
    return client


def _email_items(call: Call, authorisation: Authorisation) -> list[Item]:
    profile = get_profile(call.session, authorisation.account_id, call.provider.sealer)
    return [] if profile is None else [email_item(profile)]
