// The baseline of the identity benchmark: npm's oidc-provider with its in-memory store, ES256.
// Started by provider.py from deploy/node, so that its packages are found.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(`${process.cwd()}/package.json`)
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')))

const { PORT, CLIENT_ID, CLIENT_SECRET, ROBOT_ID, CALLBACK, RESOURCE, SIGNING_KEY } = process.env
const issuer = `http://127.0.0.1:${PORT}`
const resource = {
  scope: 'openid payments.read',
  audience: RESOURCE,
  accessTokenFormat: 'jwt',
  accessTokenTTL: 900,
  jwt: { sign: { alg: 'ES256' } },
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: ROBOT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [JSON.parse(SIGNING_KEY)] },
  cookies: { keys: ['of no secrecy here'] },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => resource,
    },
  },
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    })
    grant.addOIDCScope('openid')
    grant.addResourceScope(RESOURCE, 'openid payments.read')
    await grant.save()
    return grant
  },
  ttl: { AccessToken: 900, ClientCredentials: 900, IdToken: 900, Grant: 900, Session: 14400 },
})

// Signing in is not what is measured here: whoever comes to an interaction is let in.
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next()
  const answer = { login: { accountId: 'somebody' }, consent: {} }
  await provider.interactionFinished(ctx.req, ctx.res, answer)
  ctx.respond = false
})

provider.listen(Number(PORT), '127.0.0.1', () => process.stdout.write('ready\n'))
