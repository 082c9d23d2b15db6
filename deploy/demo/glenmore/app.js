// The demonstration relying party of another body: express and express-openid-connect as they come
// from npm, told who it is by environment variables alone. Plain pages, no script in the browser.

const { readFileSync } = require("node:fs");
const express = require("express");
const { auth, requiresAuth } = require("express-openid-connect");

const environment = process.env;
const escape = (text) =>
  String(text ?? "").replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

const page = (title, body) => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} – Glenmore Housing Partnership</title>
</head>
<body>
<header><p><strong>Glenmore Housing Partnership</strong> (an invented landlord)</p></header>
<main>
<h1>${escape(title)}</h1>
${body}
</main>
</body>
</html>
`;

const app = express();
app.disable("x-powered-by");
app.get("/health/live", (_request, response) => response.type("text").send("live\n"));

// ISSUER_BASE_URL, BASE_URL, CLIENT_ID and SECRET are read by the library itself.
app.use(
  auth({
    authRequired: false,
    idpLogout: true,
    enableTelemetry: false,
    authorizationParams: {
      response_type: "code",
      scope: environment.SCOPE ?? "openid profile email",
    },
    clientAuthMethod: environment.CLIENT_AUTH_METHOD ?? "private_key_jwt",
    clientAssertionSigningKey:
      environment.CLIENT_ASSERTION_SIGNING_KEY ??
      (environment.CLIENT_ASSERTION_SIGNING_KEY_FILE
        ? readFileSync(environment.CLIENT_ASSERTION_SIGNING_KEY_FILE, "utf8")
        : undefined),
    clientAssertionSigningAlg: environment.CLIENT_ASSERTION_SIGNING_ALG ?? "RS256",
  }),
);

app.get("/", (request, response) => {
  const { oidc } = request;
  const body = oidc.isAuthenticated()
    ? `<p id="signed-in">You are signed in as <strong>${escape(oidc.user.name ?? oidc.user.email ?? oidc.user.sub)}</strong>.</p>
<p><a href="/profile">What we know about you</a></p>
<p><a href="/logout">Sign out</a></p>`
    : `<p id="signed-out">Report a repair in your home. Sign in to see your reports.</p>
<p><a href="/login">Sign in</a></p>`;
  response.send(page("Report a repair", body));
});

app.get("/profile", requiresAuth(), async (request, response) => {
  const claims = await request.oidc.fetchUserInfo();
  const rows = Object.entries(claims)
    .map(([name, value]) => `<dt>${escape(name)}</dt><dd id="claim-${escape(name)}">${escape(value)}</dd>`)
    .join("\n");
  response.send(page("What we know about you", `<dl>\n${rows}\n</dl>\n<p><a href="/">Back</a></p>`));
});

app.use((error, _request, response, _next) => {
  console.error(error.message);
  const body = `<p>${escape(error.error_description ?? "Signing in did not work.")}</p>
<p><a href="/">Back to the first page</a></p>`;
  response.status(error.status ?? 500).send(page("You are not signed in", body));
});

const host = environment.HOST ?? "127.0.0.1";
const port = Number(environment.PORT ?? 8200);
app.listen(port, host, () => console.log(`listening on http://${host}:${port}`));
