"""What a person told and what was verified: the sealed part of an instance."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Literal

Source = Literal["asked", "verified"]


@dataclass(frozen=True)
class Answer:
    """One known fact with its provenance; ``value`` is plain JSON, dates as 2026-04-01."""

    value: object
    source: Source
    at: str
    issuer: str = ""
    confidence: str = ""


@dataclass(frozen=True)
class PayeeCheck:
    """What the Confirmation of Payee said about the bank details, and what the person chose."""

    fingerprint: str
    check_id: str
    outcome: str
    reason_code: str
    matched_name: str
    explanation: str
    accepted: bool = False
    declared_reason: str = ""

    @property
    def lets_pass(self) -> bool:
        """Whether the payment may be made to these details."""
        return self.outcome == "match" or (
            self.accepted and self.outcome in ("close_match", "unable_to_check")
        )


@dataclass(frozen=True)
class Dossier:
    """Answers by attribute, and what the person has seen and done on the way."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    result_seen: str = ""
    apply_anyway: bool = False
    verification: str = ""
    declared: bool = False
    payee_check: PayeeCheck | None = None

    def values(self) -> dict[str, object]:
        """Return the values alone."""
        return {name: answer.value for name, answer in self.answers.items()}

    def answered(self, name: str, value: object, now: datetime) -> "Dossier":
        """Return the dossier with an answer of the person; later answers stay."""
        given = Answer(value, "asked", now.isoformat())
        return replace(self, answers={**self.answers, name: given}, declared=False)

    def to_bytes(self) -> bytes:
        """Return the dossier as canonical JSON, ready to be sealed."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False).encode()

    @staticmethod
    def from_bytes(plain: bytes) -> "Dossier":
        """Return the dossier that ``to_bytes`` wrote."""
        content = json.loads(plain)
        check = content["payee_check"]
        return Dossier(
            answers={name: Answer(**answer) for name, answer in content["answers"].items()},
            result_seen=content["result_seen"],
            apply_anyway=content["apply_anyway"],
            verification=content["verification"],
            declared=content["declared"],
            payee_check=None if check is None else PayeeCheck(**check),
        )


def fingerprint(value: object) -> str:
    """Return a short digest of an answer, to notice that it changed."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
