"""Refusals of the protocol: an error code from a registry and a sentence for developers."""

_SERVER_ERROR = 500


class ProtocolError(Exception):
    """A refusal with an OAuth error code (RFC 6749, sections 4.1.2.1 and 5.2).

    What was written before it is raised is kept: a replayed code revokes and is refused at once.
    """

    def __init__(
        self,
        error: str,
        description: str,
        *,
        status: int = 400,
        challenge: str = "",
        retry_after: int = 0,
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.challenge = challenge
        self.retry_after = retry_after

    def as_json(self) -> dict[str, str]:
        """Return the body of the answer."""
        return {"error": self.error, "error_description": self.description}

    def as_bad_request(self) -> "ProtocolError":
        """Return the same refusal with status 400, for profiles that know no other here."""
        return self if self.status >= _SERVER_ERROR else ProtocolError(self.error, self.description)


class PageError(ProtocolError):
    """A refusal that must not lead back to the client: its address is not to be trusted."""


def unavailable() -> ProtocolError:
    """Return the refusal of requests that cannot be answered while the database is away."""
    return ProtocolError(
        "temporarily_unavailable", "The service cannot answer at the moment", status=503
    )


def invalid_client(description: str, *, basic: bool = False) -> ProtocolError:
    """Return the refusal of a client that did not prove who it is (RFC 6749, section 5.2)."""
    challenge = 'Basic realm="clachan"' if basic else ""
    return ProtocolError("invalid_client", description, status=401, challenge=challenge)


def invalid_token(description: str, *, status: int = 401) -> ProtocolError:
    """Return the refusal of an access token (RFC 6750, section 3.1)."""
    challenge = f'Bearer error="invalid_token", error_description="{description}"'
    return ProtocolError("invalid_token", description, status=status, challenge=challenge)
