"""One check of an authorization request per file; `identity.oidc.authorize` says in which order."""
