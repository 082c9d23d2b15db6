"""The long names of grants that are not in RFC 6749."""

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name
FURTHER = (DEVICE, CIBA, TOKEN_EXCHANGE)
