"""OpenID Connect Core, pairwise subjects: https://openid.net/specs/openid-connect-core-1_0.html
Implemented: section 8.1 with sectors, public subjects, and `sid` of the logout specifications.
Left out: fetching `sector_identifier_uri`, which comes with dynamic registration.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import base64
import hashlib
import hmac
from uuid import UUID

from identity.accounts.settings import get_people_settings
from identity.accounts.subjects import hashed_subject, pairwise_subject
from identity.relying_parties.profiles import ONE_LOGIN
from identity.relying_parties.rules import RelyingParty

# No sector can have this name: a sector is a host with its port.
_EVERYBODY = "public:*"


def subject_of(account_id: UUID, client: RelyingParty, salt: bytes) -> str:
    """Return how this client knows a person; clients of one sector see the same subject."""
    sector = _EVERYBODY if client.subject_type == "public" else client.sector
    if client.profile == ONE_LOGIN.name:
        return get_people_settings().onelogin_subject_prefix + hashed_subject(
            account_id, sector, salt
        )
    return pairwise_subject(account_id, sector, salt)


def sid_of(session_id: UUID, client_id: str, salt: bytes) -> str:
    """Return how this client knows a session: 43 letters that no other client can match."""
    message = b"sid\0" + client_id.encode() + b"\0" + session_id.bytes
    digest = hmac.new(salt, message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
