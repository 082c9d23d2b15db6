"""Who you are: accounts, sign-in, the OpenID Provider, verification, saved attributes."""
