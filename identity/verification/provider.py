"""What a company that checks documents must be able to do for us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from identity.verification.gpg45 import IdentityCheck


@dataclass(frozen=True)
class Claimed:
    """Who somebody says they are."""

    given_name: str
    family_name: str
    birth_date: date
    address_lines: tuple[str, ...]
    postcode: str
    document: str


@dataclass(frozen=True)
class StartedCheck:
    """A check that the provider has begun; the person goes to its capture page."""

    reference: str
    capture_url: str


@dataclass(frozen=True)
class CheckResult:
    """What the provider found, its signature already checked.

    ``address`` has the members of the claims token's address, None when none was found;
    ``documents`` what was read from each kind of document, as the One Login vocabulary names it.
    """

    reference: str
    given_name: str
    family_name: str
    birth_date: date
    address: Mapping[str, str] | None
    checks: tuple[IdentityCheck, ...] = field(default=())
    documents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class ProviderUnavailableError(Exception):
    """The provider does not answer, or says that it cannot now; trying again may help."""


class ProviderResultError(Exception):
    """The provider's answer is not one we can believe: badly signed, for another, or malformed."""


class DocumentCheck(Protocol):
    """A provider of document checks."""

    name: str

    def start(self, claimed: Claimed, *, idempotency_key: str, return_url: str) -> StartedCheck:
        """Begin a check; the same key begins one check only."""

    def collect(self, reference: str) -> CheckResult | None:
        """Return the signed result, None while there is none yet."""
