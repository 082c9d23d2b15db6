"""Opens encrypted tokens with cryptography alone, so that a library's bug cannot hide itself."""

import base64
import hmac
import json
from hashlib import sha256
from typing import cast

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_ENC_BYTES = {"A128CBC-HS256": 32, "A128GCM": 16, "A256GCM": 32}
_WRAP_BYTES = {"ECDH-ES+A128KW": 16, "ECDH-ES+A256KW": 32}


def open_jwe(token: str, key: PrivateKey) -> tuple[dict[str, object], str]:
    """Return header and content of a compact JWE (RFC 7516, section 5.2)."""
    protected, wrapped, iv, ciphertext, tag = token.split(".")
    header = json.loads(_raw(protected))
    secret = _content_key(header, _raw(wrapped), key)
    content = _decrypt(str(header["enc"]), secret, protected, _raw(iv), _raw(ciphertext), _raw(tag))
    return header, content.decode()


def _raw(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _content_key(header: dict[str, object], wrapped: bytes, key: PrivateKey) -> bytes:
    alg, enc = str(header["alg"]), str(header["enc"])
    if isinstance(key, rsa.RSAPrivateKey):
        assert alg == "RSA-OAEP-256"
        return key.decrypt(wrapped, OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), None))
    epk = cast("dict[str, str]", header["epk"])
    x, y = (int.from_bytes(_raw(epk[name])) for name in ("x", "y"))
    theirs = ec.EllipticCurvePublicNumbers(x, y, key.curve).public_key()
    shared = key.exchange(ec.ECDH(), theirs)
    if alg == "ECDH-ES":
        return _derive(shared, enc, _ENC_BYTES[enc])
    return aes_key_unwrap(_derive(shared, alg, _WRAP_BYTES[alg]), wrapped)


def _derive(shared: bytes, name: str, size: int) -> bytes:
    """Return the key of RFC 7518, section 4.6.2, with empty party information."""
    number = (len(name)).to_bytes(4) + name.encode() + bytes(4) + bytes(4) + (size * 8).to_bytes(4)
    return ConcatKDFHash(hashes.SHA256(), size, number).derive(shared)


def _decrypt(
    enc: str, secret: bytes, protected: str, iv: bytes, ciphertext: bytes, tag: bytes
) -> bytes:
    if enc != "A128CBC-HS256":
        return AESGCM(secret).decrypt(iv, ciphertext + tag, protected.encode())
    sealed = protected.encode() + iv + ciphertext + (len(protected) * 8).to_bytes(8)
    assert hmac.compare_digest(hmac.digest(secret[:16], sealed, sha256)[:16], tag)
    opener = Cipher(algorithms.AES(secret[16:]), modes.CBC(iv)).decryptor()
    padded = opener.update(ciphertext) + opener.finalize()
    bare = padding.PKCS7(128).unpadder()
    return bare.update(padded) + bare.finalize()
