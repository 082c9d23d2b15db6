"""JWT Secured Authorization Response Mode: https://openid.net/specs/oauth-v2-jarm.html
Implemented: sections 2.1 to 2.3 and 3: every answer and error, signed, and encrypted if wanted.
Left out: nothing; without a registered algorithm an answer is signed like the ID token.
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from dataclasses import replace

from identity.oidc.core_encryption import encrypt
from identity.oidc.provider import Call
from identity.oidc.rfc9207_answers import ClientAnswer

MODES = ("jwt", "query.jwt", "fragment.jwt", "form_post.jwt")
_ENDING = ".jwt"
_SECONDS = 600


def full_mode(mode: str, plain: str) -> str:
    """Return a mode as it is stored: ``jwt`` alone stands for the response type's usual one."""
    return f"{plain}{_ENDING}" if mode == "jwt" else mode


def secure_answer(call: Call, client_id: str, answer: ClientAnswer) -> ClientAnswer:
    """Return an answer as one signed ``response`` where the client asked for that."""
    if not answer.response_mode.endswith(_ENDING):
        return answer
    client = call.find_client(client_id)
    if client is None:
        raise LookupError("the client of an answer was checked before")
    algorithm = client.options.authorization_signed_response_alg or client.id_token_alg
    issued = int(call.now.timestamp())
    claims: dict[str, object] = {
        **dict(answer.members),
        "iss": call.issuer.url,
        "aud": client_id,
        "iat": issued,
        "exp": issued + _SECONDS,
    }
    token = call.keys.sign(algorithm, claims)
    encryption = client.options.authorization_encrypted_response_alg
    if encryption is not None:
        token = encrypt(
            client, token, encryption, client.options.authorization_encrypted_response_enc
        )
    mode = answer.response_mode.removesuffix(_ENDING)
    return replace(answer, response_mode=mode, members=(("response", token),))
