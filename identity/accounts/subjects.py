"""Subjects: how one person is named to one sector of relying parties."""

import hashlib
import hmac
from uuid import UUID


def pairwise_subject(account_id: UUID, sector: str, secret: bytes) -> str:
    """Return the UUID-shaped subject of an account for a sector (OpenID Connect Core, 8.1).

    The same account and sector always give the same subject; nobody without the secret can tell
    that two subjects are one person. Refuses an empty secret.
    """
    if not secret:
        raise ValueError("pairwise subjects need a secret")
    message = b"subject\0" + sector.encode() + b"\0" + account_id.bytes
    digest = hmac.new(secret, message, hashlib.sha256).digest()
    number = int.from_bytes(digest[:16], "big")
    # Version 8 is the UUID for values of one's own making (RFC 9562, section 5.8).
    number = number & ~(0xF << 76) | 0x8 << 76
    number = number & ~(0b11 << 62) | 0b10 << 62
    return str(UUID(int=number))
