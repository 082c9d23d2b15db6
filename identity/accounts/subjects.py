"""Subjects: how one person is named to one sector of relying parties."""

import base64
import hashlib
import hmac
from uuid import UUID


def pairwise_subject(account_id: UUID, sector: str, secret: bytes) -> str:
    """Return the UUID-shaped subject of an account for a sector (OpenID Connect Core, 8.1).

    The same account and sector always give the same subject; nobody without the secret can tell
    that two subjects are one person. Refuses an empty secret.
    """
    digest = _digest(account_id, sector, secret)
    number = int.from_bytes(digest[:16], "big")
    # Version 8 is the UUID for values of one's own making (RFC 9562, section 5.8).
    number = number & ~(0xF << 76) | 0x8 << 76
    number = number & ~(0b11 << 62) | 0b10 << 62
    return str(UUID(int=number))


def hashed_subject(account_id: UUID, sector: str, secret: bytes) -> str:
    """Return the same as 43 letters of base64url, for subjects that are URNs."""
    return base64.urlsafe_b64encode(_digest(account_id, sector, secret)).rstrip(b"=").decode()


def _digest(account_id: UUID, sector: str, secret: bytes) -> bytes:
    if not secret:
        raise ValueError("pairwise subjects need a secret")
    message = b"subject\0" + sector.encode() + b"\0" + account_id.bytes
    return hmac.new(secret, message, hashlib.sha256).digest()
