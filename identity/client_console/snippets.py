"""Ready-made configuration for common libraries, with a client's real values; pure text.

Where a secret or a private key belongs, a snippet names the environment variable that holds it.
"""

from dataclasses import dataclass

from identity.oidc.provider import Issuer
from identity.relying_parties.rules import RelyingParty

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


@dataclass(frozen=True)
class Snippet:
    """One piece of configuration; ``id`` also names its file."""

    id: str
    title: str
    text: str


def make_env(party: RelyingParty, issuer: Issuer) -> str:
    """Return the client's values as a file of environment variables."""
    redirect, landing = _first(party.redirect_uris), _first(party.post_logout_uris)
    lines = [
        "# Your service's sign-in. Keep the secret or private key out of your source code.",
        f"OIDC_ISSUER={issuer.url}",
        f"OIDC_DISCOVERY_URL={issuer.url}/.well-known/openid-configuration",
        f"OIDC_CLIENT_ID={party.client_id}",
        f"OIDC_CLIENT_AUTH_METHOD={party.auth_method}",
        f"OIDC_REDIRECT_URI={redirect}",
        f"OIDC_POST_LOGOUT_REDIRECT_URI={landing}",
        f'OIDC_SCOPE="{" ".join(party.scopes)}"',
    ]
    lines += (
        ["OIDC_PRIVATE_KEY_FILE=private-key.pem"] if _has_keys(party) else ["OIDC_CLIENT_SECRET="]
    )
    return "\n".join(lines) + "\n"


def make_snippets(party: RelyingParty, issuer: Issuer) -> list[Snippet]:
    """Return the configuration of each library we know, most used first."""
    makers = (
        ("express", "Node: express-openid-connect", _express),
        ("node", "Node: openid-client", _node),
        ("python", "Python: Authlib", _authlib),
        ("apache", "Apache: mod_auth_openidc", _apache),
        ("spring", "Java: Spring Security", _spring),
        ("dotnet", ".NET: OpenIdConnect", _dotnet),
    )
    return [Snippet(name, title, make(party, issuer)) for name, title, make in makers]


def _first(addresses: tuple[str, ...]) -> str:
    return next(iter(addresses), "")


def _has_keys(party: RelyingParty) -> bool:
    return party.auth_method == "private_key_jwt"


def _scope(party: RelyingParty) -> str:
    return " ".join(party.scopes)


def _algorithm(party: RelyingParty) -> str:
    """Return what the client signs with: as its first key allows."""
    kinds = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
    curve = getattr(party.keys[0], "curve_name", "") if party.keys else ""
    return kinds.get(str(curve), "RS256")


def _express(party: RelyingParty, issuer: Issuer) -> str:
    credential = (
        "  clientAssertionSigningKey: fs.readFileSync(process.env.OIDC_PRIVATE_KEY_FILE),\n"
        f"  clientAssertionSigningAlg: '{_algorithm(party)}',"
        if _has_keys(party)
        else "  clientSecret: process.env.OIDC_CLIENT_SECRET,"
    )
    first = _first(party.redirect_uris)
    base, _, path = first.partition("://")[2].partition("/")
    return f"""import fs from 'node:fs';
import {{ auth }} from 'express-openid-connect';

app.use(auth({{
  issuerBaseURL: '{issuer.url}',
  baseURL: '{first.partition("://")[0]}://{base}',
  clientID: '{party.client_id}',
  clientAuthMethod: '{party.auth_method}',
{credential}
  idTokenSigningAlg: '{party.id_token_alg}',
  secret: process.env.SESSION_SECRET,
  authRequired: false,
  idpLogout: true,
  routes: {{ callback: '/{path}' }},
  authorizationParams: {{ response_type: 'code', scope: '{_scope(party)}' }},
}}));
"""


def _node(party: RelyingParty, issuer: Issuer) -> str:
    if _has_keys(party):
        hash_name = _algorithm(party)
        key_kind = (
            "{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }"
            if hash_name.startswith("RS")
            else f"{{ name: 'ECDSA', namedCurve: '{_CURVES[hash_name]}' }}"
        )
        credential = (
            "const pem = fs.readFileSync(process.env.OIDC_PRIVATE_KEY_FILE, 'utf8');\n"
            "const der = Buffer.from(pem.replace(/-----[^-]+-----|\\s/g, ''), 'base64');\n"
            "const key = await crypto.subtle.importKey("
            f"'pkcs8', der, {key_kind}, false, ['sign']);\n"
        )
        method = "client.PrivateKeyJwt(key)"
    else:
        credential = ""
        method = "client.ClientSecretBasic(process.env.OIDC_CLIENT_SECRET)"
    return f"""import fs from 'node:fs';
import * as client from 'openid-client';

{credential}const config = await client.discovery(
  new URL('{issuer.url}'),
  '{party.client_id}',
  {{ id_token_signed_response_alg: '{party.id_token_alg}' }},
  {method},
);
const verifier = client.randomPKCECodeVerifier();
const address = client.buildAuthorizationUrl(config, {{
  redirect_uri: '{_first(party.redirect_uris)}',
  scope: '{_scope(party)}',
  state: client.randomState(),
  nonce: client.randomNonce(),
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
}});
"""


def _authlib(party: RelyingParty, issuer: Issuer) -> str:
    if _has_keys(party):
        imports = "from authlib.oauth2.rfc7523 import PrivateKeyJWT\n"
        credential = "    client_secret=open(os.environ['OIDC_PRIVATE_KEY_FILE']).read(),\n"
        method = (
            "    client_auth_methods=[PrivateKeyJWT("
            f"'{issuer.token_url}', alg='{_algorithm(party)}')],\n"
            "    token_endpoint_auth_method='private_key_jwt',\n"
        )
    else:
        imports, method = "", "    token_endpoint_auth_method='client_secret_basic',\n"
        credential = "    client_secret=os.environ['OIDC_CLIENT_SECRET'],\n"
    return f"""import os
from authlib.integrations.starlette_client import OAuth
{imports}
oauth = OAuth()
oauth.register(
    'clachan',
    client_id='{party.client_id}',
{credential}{method}    server_metadata_url='{issuer.url}/.well-known/openid-configuration',
    client_kwargs={{'scope': '{_scope(party)}', 'code_challenge_method': 'S256'}},
)
# in your route: await oauth.clachan.authorize_redirect(request, '{_first(party.redirect_uris)}')
"""


def _apache(party: RelyingParty, issuer: Issuer) -> str:
    kid = party.keys[0].kid if party.keys else "key"
    credential = (
        "OIDCProviderTokenEndpointAuth private_key_jwt\n"
        f"OIDCPrivateKeyFiles {kid}#/etc/apache2/private-key.pem"
        if _has_keys(party)
        else "OIDCProviderTokenEndpointAuth client_secret_basic\n"
        'OIDCClientSecret "${OIDC_CLIENT_SECRET}"'
    )
    return f"""OIDCProviderMetadataURL {issuer.url}/.well-known/openid-configuration
OIDCClientID {party.client_id}
{credential}
OIDCRedirectURI {_first(party.redirect_uris)}
OIDCScope "{_scope(party)}"
OIDCPKCEMethod S256
OIDCIDTokenSignedResponseAlg {party.id_token_alg}
OIDCCryptoPassphrase "${{OIDC_CRYPTO_PASSPHRASE}}"

<Location />
  AuthType openid-connect
  Require valid-user
</Location>
"""


def _spring(party: RelyingParty, issuer: Issuer) -> str:
    credential = (
        "# Your private key goes into a NimbusJwtClientAuthenticationParametersConverter bean.\n"
        if _has_keys(party)
        else ""
    )
    secret = "" if _has_keys(party) else "            client-secret: ${OIDC_CLIENT_SECRET}\n"
    method = party.auth_method
    return f"""{credential}spring:
  security:
    oauth2:
      client:
        registration:
          clachan:
            client-id: {party.client_id}
{secret}            client-authentication-method: {method}
            authorization-grant-type: authorization_code
            redirect-uri: {_first(party.redirect_uris)}
            scope: {", ".join(party.scopes)}
        provider:
          clachan:
            issuer-uri: {issuer.url}
"""


def _dotnet(party: RelyingParty, issuer: Issuer) -> str:
    path = "/" + _first(party.redirect_uris).partition("://")[2].partition("/")[2]
    credential = (
        "    // In OnAuthorizationCodeReceived add a client assertion signed with your key.\n"
        if _has_keys(party)
        else '    options.ClientSecret = builder.Configuration["OIDC_CLIENT_SECRET"];\n'
    )
    scopes = "\n".join(f'    options.Scope.Add("{scope}");' for scope in party.scopes)
    return f"""builder.Services.AddAuthentication().AddOpenIdConnect("clachan", options =>
{{
    options.Authority = "{issuer.url}";
    options.ClientId = "{party.client_id}";
{credential}    options.CallbackPath = "{path}";
    options.ResponseType = "code";
    options.UsePkce = true;
    options.MapInboundClaims = false;
    options.Scope.Clear();
{scopes}
}});
"""
