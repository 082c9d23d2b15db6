"""Who you are: accounts, sign-in, the OpenID Provider, verification, the safe of verified attributes."""
