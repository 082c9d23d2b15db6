"""Staff sign in with their own organisation's OpenID Provider."""
