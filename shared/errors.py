"""Refusals: answers that a person or a client gets, not faults of the program."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One fault of one field of what was sent."""

    field: str
    message: str


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem, and so do its readers
    """A refusal with a stable code, a title for people and, where it helps, the fields at fault.

    Doors turn it into ``application/problem+json`` (RFC 9457) or an error summary.
    """

    status = 400

    def __init__(
        self,
        code: str,
        title: str,
        *,
        detail: str = "",
        fields: tuple[FieldError, ...] = (),
        status: int | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {title}")
        self.code = code
        self.title = title
        self.detail = detail
        self.fields = fields
        self.retry_after_seconds = retry_after_seconds
        if status is not None:
            self.status = status


class Invalid(Problem):
    """What was sent breaks a rule; says which fields."""

    status = 422

    def __init__(
        self,
        *fields: FieldError,
        code: str = "invalid",
        title: str = "Check what you entered",
    ) -> None:
        super().__init__(code, title, fields=fields)


class Unauthorised(Problem):
    """The caller has not shown who they are."""

    status = 401


class Forbidden(Problem):
    """The caller is known and may not do this."""

    status = 403


class NotFound(Problem):
    """There is nothing here for this caller."""

    status = 404


class Conflict(Problem):
    """The thing is not in a state that allows this."""

    status = 409
