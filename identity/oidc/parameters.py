"""The parameters of a request, whether they came in the query, the body or both."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from identity.oidc.errors import ProtocolError


@dataclass(frozen=True)
class Parameters:
    """Names and values as sent; an empty value counts as not sent (RFC 6749, section 3.1)."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Parameters":
        """Return the parameters of a query or form."""
        return cls(tuple((name, value) for name, value in pairs if value))

    def merged(self, other: "Parameters") -> "Parameters":
        """Return both; what stands in both counts as given twice (S2)."""
        return Parameters(self.pairs + other.pairs)

    def all(self, name: str) -> list[str]:
        """Return every value of a name."""
        return [value for given, value in self.pairs if given == name]

    def get(self, name: str) -> str | None:
        """Return the value of a name, None where it was not sent or sent several times."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None

    def require(self, name: str) -> str:
        """Return the value of a name; refuses its absence with ``invalid_request``."""
        value = self.get(name)
        if value is None:
            raise ProtocolError("invalid_request", f"Missing parameter: {name}")
        return value

    def check_single(self, *, but: tuple[str, ...] = ()) -> None:
        """Refuse a parameter that was given twice (RFC 6749, section 3.1; S2)."""
        counted = Counter(name for name, _ in self.pairs if name not in but)
        for name, count in counted.items():
            if count > 1:
                raise ProtocolError("invalid_request", f"Parameter given more than once: {name}")
