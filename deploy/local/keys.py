"""Keys with which the platform's own clients sign their assertions, and its ledger; made once.

A service signs with one key whatever client id it speaks as, so a key lies under each of the
client ids of its holder: `<client-id>.pem` (private) and `<client-id>.pub.pem` (to register).
"""

import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as make_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as make_rsa_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from deploy.local.clients import CLIENTS, LEDGER_SEAL_KEY
from deploy.local.home import write_private

_RSA_HOLDERS = {"glenmore", "sandbox"}  # many libraries sign with RS256 unless told otherwise
_RSA_BITS = 3_072


def make_client_keys(folder: Path) -> None:
    """Write the keys that are missing; a key that is there is never changed."""
    for holder, client_ids in CLIENTS.items():
        first = folder / f"{client_ids[0]}.pem"
        if not first.exists():
            write_private(first, _new_key(rsa=holder in _RSA_HOLDERS))
        private = first.read_text()
        public = _public_part(private)
        for client_id in client_ids:
            for path, content in (
                (folder / f"{client_id}.pem", private),
                (folder / f"{client_id}.pub.pem", public),
            ):
                if not path.exists() or path.read_text() != content:
                    write_private(path, content)
    seal = folder / LEDGER_SEAL_KEY
    if not seal.exists():
        write_private(seal, _pem(Ed25519PrivateKey.generate()))


def _new_key(*, rsa: bool) -> str:
    key: RSAPrivateKey | EllipticCurvePrivateKey = (
        make_rsa_key(public_exponent=65_537, key_size=_RSA_BITS)
        if rsa
        else make_ec_key(SECP256R1())
    )
    return _pem(key)


def _pem(key: RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public_part(private: str) -> str:
    key = load_pem_private_key(private.encode(), password=None)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


if __name__ == "__main__":
    make_client_keys(Path(sys.argv[1]))
