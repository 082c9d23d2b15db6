// A service written with npm's openid-client as its users write one: sign in, see who it is, sign
// out. MODE says which of the secured ways it uses. Started from deploy/node by the tests.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(`${process.cwd()}/package.json`)
const client = await import(pathToFileURL(require.resolve('openid-client')))

const { PORT, ISSUER, CLIENT_ID, KEY_FILE, MODE, SCOPE } = process.env
const base = `http://localhost:${PORT}`
const modes = new Set(MODE.split('+'))

const pem = readFileSync(KEY_FILE, 'utf8').replace(/-----[^-]+-----|\s/g, '')
const key = await crypto.subtle.importKey(
  'pkcs8',
  Buffer.from(pem, 'base64'),
  { name: 'ECDSA', namedCurve: 'P-256' },
  false,
  ['sign'],
)
const config = await client.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  undefined,
  client.PrivateKeyJwt(key, {
    [client.modifyAssertion]: (_header, payload) => {
      payload.aud = ISSUER
    },
  }),
  { execute: [client.allowInsecureRequests] },
)
if (modes.has('jarm')) client.useJwtResponseMode(config)
const dpopKeys = modes.has('dpop') ? await client.randomDPoPKeyPair('ES256') : undefined
const proof = () => (dpopKeys ? { DPoP: client.getDPoPHandle(config, dpopKeys) } : {})

let pending
let held

async function login(response) {
  const verifier = client.randomPKCECodeVerifier()
  pending = { verifier, state: client.randomState(), nonce: client.randomNonce() }
  const parameters = {
    redirect_uri: `${base}/callback`,
    scope: SCOPE,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  let target
  if (modes.has('jar')) {
    const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, key, {
      [client.modifyAssertion]: (_header, payload) => {
        payload.nbf = Math.floor(Date.now() / 1000)
        payload.exp = payload.nbf + 300
      },
    })
    target = modes.has('par')
      ? await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, proof())
      : signed
  } else if (modes.has('par')) {
    target = await client.buildAuthorizationUrlWithPAR(config, parameters, proof())
  } else {
    target = client.buildAuthorizationUrl(config, parameters)
  }
  response.writeHead(302, { Location: target.href }).end()
}

async function callback(url, response) {
  const tokens = await client.authorizationCodeGrant(
    config,
    url,
    {
      pkceCodeVerifier: pending.verifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      idTokenExpected: true,
    },
    undefined,
    proof(),
  )
  const { sub } = tokens.claims()
  const userinfo = config.serverMetadata().userinfo_endpoint
    ? await client.fetchUserInfo(config, tokens.access_token, sub, proof())
    : {}
  const refreshed = tokens.refresh_token
    ? await client.refreshTokenGrant(config, tokens.refresh_token, undefined, proof())
    : undefined
  held = { idToken: tokens.id_token, sub, userinfo, type: tokens.token_type }
  held.refreshed = Boolean(refreshed?.access_token)
  response.writeHead(302, { Location: '/me' }).end()
}

function logout(response) {
  const target = client.buildEndSessionUrl(config, {
    id_token_hint: held.idToken,
    post_logout_redirect_uri: `${base}/goodbye`,
  })
  held = undefined
  response.writeHead(302, { Location: target.href }).end()
}

const page = (title, body) =>
  `<!DOCTYPE html><html lang="en"><title>${title}</title><h1>${title}</h1><pre id="held">${body}</pre></html>`

createServer(async (request, response) => {
  const url = new URL(request.url, base)
  response.setHeader('Content-Type', 'text/html; charset=utf-8')
  try {
    if (url.pathname === '/login') await login(response)
    else if (url.pathname === '/callback') await callback(url, response)
    else if (url.pathname === '/logout') logout(response)
    else if (url.pathname === '/me') response.end(page('Signed in', JSON.stringify(held)))
    else response.end(page('Signed out', ''))
  } catch (error) {
    const cause = JSON.stringify(error.cause ?? {})
    response.writeHead(500).end(page('Failed', `${error.code} ${error.message} ${cause}`))
  }
}).listen(Number(PORT), '127.0.0.1', () => process.stdout.write('ready\n'))
