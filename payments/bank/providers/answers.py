"""What a bank's answer to a file means: believed is only what speaks of these bytes and this id."""

from payments.bank.content import Content
from payments.bank.provider import Acknowledged, OutcomeUnknownError, Refused


def read_answer(told: object, submission_id: str, content: Content) -> Acknowledged | Refused:
    """Return what an answer says of a file.

    A refusal as a duplicate of the very same bytes proves nothing yet: the bank may have them from
    an earlier try, and only its answer about the id or its report says so.

    Raises:
        OutcomeUnknownError: another id or other bytes, a duplicate, an unknown shape.
    """
    if not isinstance(told, dict):
        raise OutcomeUnknownError("an answer of unknown shape")
    try:
        if told["status"] == "accepted":
            return _acknowledged(told, submission_id, content)
        if told["status"] == "refused":
            return _refused(told, content)
    except (ValueError, KeyError) as error:
        raise OutcomeUnknownError("an answer of unknown shape") from error
    raise OutcomeUnknownError("an answer of unknown status")


def _acknowledged(told: dict[str, object], submission_id: str, content: Content) -> Acknowledged:
    if told["sha256"] != content.sha256:
        raise OutcomeUnknownError("the bank acknowledges other bytes than we sent")
    if told.get("submission_id", submission_id) != submission_id:
        raise OutcomeUnknownError("the bank acknowledges another submission than ours")
    return Acknowledged(str(told["reference"]), _number(told, "count"), _number(told, "pence"))


def _refused(told: dict[str, object], content: Content) -> Refused:
    code, reason = str(told["code"]), str(told["reason"])
    if code.startswith("DUPLICATE") and told.get("sha256") == content.sha256:
        raise OutcomeUnknownError("the bank calls the file a duplicate of itself")
    return Refused(code, reason)


def _number(told: dict[str, object], name: str) -> int | None:
    value = told.get(name)
    return None if value is None else int(str(value))
