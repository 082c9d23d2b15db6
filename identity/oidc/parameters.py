"""The parameters of a request, whether they came in the query, the body or both."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

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

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in self.pairs:
            found.setdefault(name, []).append(value)
        return found

    def all(self, name: str) -> list[str]:
        """Return every value of a name."""
        return self._by_name.get(name, [])

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

    def is_text(self) -> bool:
        """Tell whether every part can be stored and sent: no zero, no half of a surrogate pair."""
        whole = "".join(part for pair in self.pairs for part in pair)
        return "\0" not in whole and not any("\ud800" <= letter <= "\udfff" for letter in whole)

    def check_single(self, *, but: tuple[str, ...] = ()) -> None:
        """Refuse a parameter that was given twice (RFC 6749, section 3.1; S2)."""
        for name, values in self._by_name.items():
            if len(values) > 1 and name not in but:
                raise ProtocolError("invalid_request", f"Parameter given more than once: {name}")
