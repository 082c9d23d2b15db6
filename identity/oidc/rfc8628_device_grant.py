"""RFC 8628, device authorization grant: https://www.rfc-editor.org/rfc/rfc8628
Implemented: sections 3.1 to 3.5 with `verification_uri_complete`, guesses limited (section 5.1).
Left out: nothing; the picture of section 3.3.1 is drawn by the device itself.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from identity.oidc.actions import Lives
from identity.oidc.asked import Asked
from identity.oidc.asking import take_scopes
from identity.oidc.authorisations import Authorisation
from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.polled import NewRequest, start_polled
from identity.oidc.polled_grant import spend_polled
from identity.oidc.provider import Call
from identity.oidc.rfc6749_client_authentication import Authenticated
from identity.oidc.rfc7009_revocation import authenticate_alone
from identity.oidc.rfc8707_resource_indicators import take_resources
from identity.oidc.rfc9396_authorization_details import take_typed_details
from identity.oidc.user_codes import clean_user_code, hash_user_code, make_user_code
from identity.relying_parties.grants import DEVICE
from shared.crypto import random_token
from shared.ids import new_id

PAGE_PATH = "/identity/device"
INTERVAL_SECONDS = 5
_TRIES = 5


def answer_device_request(
    call: Call, params: Parameters, authorization: str | None, device: str
) -> dict[str, object]:
    """Return the two codes for a device that cannot show pages.

    Raises:
        ProtocolError: with the codes of RFC 6749, section 5.2.
    """
    caller = authenticate_alone(call, params, authorization)
    client = caller.client
    call.provider.limits.check(client.client_id)
    if DEVICE not in client.grant_types:
        raise ProtocolError("unauthorized_client", "The client may not use this grant_type")
    scopes = take_scopes(call.profile, client, params)
    asked = Asked(
        resources=take_resources(call, client, params),
        authorization_details=take_typed_details(client, params),
    )
    seconds = call.provider.settings.device_code_seconds
    device_code = random_token()
    for _ in range(_TRIES):
        user_code = make_user_code()
        new = NewRequest(
            kind="device",
            client_id=client.client_id,
            profile=call.profile.name,
            secret=device_code,
            scopes=scopes,
            asked=asked,
            seconds=seconds,
            interval_seconds=INTERVAL_SECONDS,
            user_code_hash=hash_user_code(clean_user_code(user_code), call.keys.salt),
            device=device,
        )
        if start_polled(call.session, new_id(), new, call.now):
            break
    else:
        raise ProtocolError("temporarily_unavailable", "Try again", status=503)
    page = f"{call.provider.settings.public_url}{PAGE_PATH}"
    return {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={user_code}",
        "expires_in": seconds,
        "interval": INTERVAL_SECONDS,
    }


def spend_device_code(
    call: Call,
    params: Parameters,
    caller: Authenticated,
    refresh_token: str | None,
    lives: Lives,
) -> Authorisation:
    """Return what the device's person agreed to (section 3.4).

    Raises:
        ProtocolError: the answers of section 3.5 while there is nothing to give.
    """
    return spend_polled(call, caller, "device", params.require("device_code"), refresh_token, lives)
