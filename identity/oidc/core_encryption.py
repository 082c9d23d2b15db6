"""OpenID Connect Core, encrypted answers: https://openid.net/specs/openid-connect-core-1_0.html
Implemented: section 10.2 for ID token and UserInfo: signed first, then encrypted to the client.
Left out: RSA1_5, PBES2, symmetric keys, compression; they have been broken or cost too much.
By: joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from joserfc import jwe
from joserfc.jwk import ECKey, Key, RSAKey

from identity.oidc.errors import ProtocolError
from identity.relying_parties.checks.encryption import DEFAULT_ENCRYPTION, encryption_key
from identity.relying_parties.rules import RelyingParty


def encrypt_id_token(client: RelyingParty, token: str) -> str:
    """Return an ID token as the client registered to get it."""
    options = client.options
    alg, enc = options.id_token_encrypted_response_alg, options.id_token_encrypted_response_enc
    return encrypt(client, token, alg, enc) if alg else token


def encrypt(
    client: RelyingParty, content: str, alg: str, enc: str | None, *, cty: str | None = "JWT"
) -> str:
    """Return content that only the client can read (RFC 7516, compact).

    Raises:
        ProtocolError: ``server_error``: the client has no key for the algorithm any more.
    """
    key = encryption_key(client.keys, alg)
    if key is None:
        raise ProtocolError("server_error", "The client has no key to encrypt to", status=500)
    enc = enc or DEFAULT_ENCRYPTION
    header = {"alg": alg, "enc": enc} | ({"kid": key.kid} if key.kid else {})
    protected = header | ({"cty": cty} if cty else {})
    return jwe.encrypt_compact(protected, content, _for_use(key), algorithms=[alg, enc])


def _for_use(key: Key) -> RSAKey | ECKey:
    if not isinstance(key, RSAKey | ECKey):
        raise TypeError("only RSA and elliptic-curve keys encrypt")
    return key
