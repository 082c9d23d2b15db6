// The demonstration relying party of another body: express and express-openid-connect as they come
// from npm, told who it is by environment variables alone. Plain pages, no script in the browser.

const { readFileSync } = require("node:fs");
const express = require("express");
const { auth, requiresAuth } = require("express-openid-connect");

const environment = process.env;
const escape = (text) =>
  String(text ?? "").replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

const style = `
* { box-sizing: border-box; }
body { background: #f6f3ec; color: #22301f; font: 1.125rem/1.6 system-ui, sans-serif; margin: 0; }
header { background: #23482b; color: #fff; padding: 1rem max(1rem, calc(50vw - 22rem)); }
header p { margin: 0; }
main { background: #fff; margin: 2rem auto; max-width: 46rem; padding: 1.5rem 2rem 2rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1rem; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
a { color: #1d5c2e; }
a:hover { text-decoration-thickness: 0.15em; }
a:focus-visible { outline: 0.25rem solid #d98a00; outline-offset: 0.125rem; }
.button { background: #23482b; border-radius: 0.25rem; color: #fff; display: inline-block;
  font-weight: 700; padding: 0.75rem 1.5rem; text-decoration: none; }
.button:hover { background: #173420; text-decoration: underline; }
dl { display: grid; gap: 0.5rem 1.5rem; grid-template-columns: minmax(7rem, auto) 1fr; margin: 0 0 1.5rem; }
dt { font-weight: 700; }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 46rem) { main { margin: 0; padding: 1.5rem 1rem; } }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 0.75rem; } }
`;

const page = (title, body) => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} – Glenmore Housing Partnership</title>
<link rel="stylesheet" href="/style.css">
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
app.get("/style.css", (_request, response) => response.type("css").send(style));

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
<p><a class="button" href="/login">Sign in</a></p>`;
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
