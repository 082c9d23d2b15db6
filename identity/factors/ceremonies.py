"""WebAuthn as the pages need it: what a browser is asked, and what its answer is worth.

The library `webauthn` checks signatures and flags. User verification is always required: a passkey
counts as something the person has together with something they are or know.

Challenges are made without a row: each carries its end, a nonce and a keyed hash over both, the
browser, what it is for and whose it is. Showing a page therefore writes nothing; an answered
challenge is kept as a hash until it could not be answered again anyway.
"""

import hmac
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import webauthn
from webauthn.helpers import (
    options_to_json,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from identity.accounts.vault import Vault
from identity.factors.rules import ANSWER_MAXIMUM, CHALLENGE_LIFE, SERVICE_NAME, rp_id_of

_TIMEOUT_MS = 300_000
Purpose = Literal["register", "sign_in", "check"]
_NONCE_BYTES = 16
_HEAD_BYTES = 8 + _NONCE_BYTES
_LENGTH = _HEAD_BYTES + 32


class PasskeyRefusedError(Exception):
    """An answer of a browser that proves nothing; the page says one sentence for all of them."""


@dataclass(frozen=True)
class Challenges:
    """Makes and recognises challenges of one browser for one purpose.

    Attributes:
        subject: the account, attempt or session that it is about; empty while nobody is known.
    """

    vault: Vault
    purpose: Purpose
    browser_hash: bytes
    subject: bytes = b""

    def make(self, now: datetime) -> bytes:
        """Return a fresh challenge, good for ten minutes."""
        ends_at = int((now + CHALLENGE_LIFE).timestamp())
        head = struct.pack(">Q", ends_at) + secrets.token_bytes(_NONCE_BYTES)
        return head + self._mark(head)

    def end_of(self, challenge: bytes, now: datetime) -> datetime | None:
        """Return when one of our challenges ends; None when it is not ours, or has ended."""
        head, mark = challenge[:_HEAD_BYTES], challenge[_HEAD_BYTES:]
        if len(challenge) != _LENGTH or not hmac.compare_digest(mark, self._mark(head)):
            return None
        ends_at = datetime.fromtimestamp(struct.unpack(">Q", head[:8])[0], UTC)
        return ends_at if now < ends_at else None

    def _mark(self, head: bytes) -> bytes:
        message = head + self.browser_hash + self.subject
        return self.vault.keyed_hash(f"passkey.{self.purpose}", message)


@dataclass(frozen=True)
class KnownKey:
    """A registered passkey, as far as its signature is concerned."""

    credential_id: bytes
    public_key: bytes
    transports: tuple[str, ...]
    can_sync: bool


@dataclass(frozen=True)
class NewKey:
    """What a browser registered."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    transports: tuple[str, ...]
    can_sync: bool
    is_backed_up: bool


@dataclass(frozen=True)
class Signed:
    """What a signature proved beside itself."""

    sign_count: int
    is_backed_up: bool


def ask_to_register(
    origin: str, challenge: bytes, user_handle: bytes, email: str, known: Sequence[KnownKey]
) -> str:
    """Return what the browser is asked when a passkey is added, as JSON."""
    options = webauthn.generate_registration_options(
        rp_id=rp_id_of(origin),
        rp_name=SERVICE_NAME,
        user_id=user_handle,
        user_name=email,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return options_to_json(options)


def ask_to_sign(origin: str, challenge: bytes, known: Sequence[KnownKey] = ()) -> str:
    """Return what the browser is asked when a passkey is used, as JSON.

    Without known keys the browser offers what it has for us, and nobody learns who has an account.
    """
    options = webauthn.generate_authentication_options(
        rp_id=rp_id_of(origin),
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def read_signature(answer: str) -> tuple[AuthenticationCredential, bytes]:
    """Return a browser's signature and the challenge that it says it answers."""
    _check_size(answer)
    try:
        credential = parse_authentication_credential_json(answer)
        data = parse_client_data_json(credential.response.client_data_json)
    except (WebAuthnException, ValueError, TypeError) as error:
        raise PasskeyRefusedError("not an answer of a browser") from error
    if data.cross_origin:
        raise PasskeyRefusedError("made inside another site's page")
    return credential, data.challenge


def read_registration(answer: str) -> tuple[RegistrationCredential, bytes]:
    """Return a browser's new passkey and the challenge that it says it answers."""
    _check_size(answer)
    try:
        credential = parse_registration_credential_json(answer)
        data = parse_client_data_json(credential.response.client_data_json)
    except (WebAuthnException, ValueError, TypeError) as error:
        raise PasskeyRefusedError("not an answer of a browser") from error
    if data.cross_origin:
        raise PasskeyRefusedError("made inside another site's page")
    return credential, data.challenge


def verify_registration(
    credential: RegistrationCredential, challenge: bytes, origin: str
) -> NewKey:
    """Return the key of a new passkey; refuses what was not made here and now by its owner."""
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp_id_of(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError) as error:
        raise PasskeyRefusedError(str(error)) from error
    transports = credential.response.transports or []
    return NewKey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        aaguid=made.aaguid,
        transports=tuple(transport.value for transport in transports),
        can_sync=made.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        is_backed_up=made.credential_backed_up,
    )


def verify_signature(
    credential: AuthenticationCredential, challenge: bytes, origin: str, known: KnownKey
) -> Signed:
    """Return what a signature proves; the counter is compared where it is written down."""
    try:
        used = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp_id_of(origin),
            expected_origin=origin,
            credential_public_key=known.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError) as error:
        raise PasskeyRefusedError(str(error)) from error
    if (used.credential_device_type == CredentialDeviceType.MULTI_DEVICE) != known.can_sync:
        raise PasskeyRefusedError("the passkey says that it became another kind of passkey")
    return Signed(used.new_sign_count, used.credential_backed_up)


def _check_size(answer: str) -> None:
    if len(answer) > ANSWER_MAXIMUM:
        raise PasskeyRefusedError("too long for an answer of a browser")


def _descriptors(known: Sequence[KnownKey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=key.credential_id,
            transports=[AuthenticatorTransport(name) for name in key.transports],
        )
        for key in known
    ]
