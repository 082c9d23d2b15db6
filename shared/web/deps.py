"""What endpoints ask FastAPI for: one transaction, the time, the form, the caller."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, BinaryIO

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from shared import clock
from shared.actors import Actor
from shared.crypto import Sealer
from shared.errors import Forbidden, Unauthorised
from shared.web.runtime import Runtime, runtime_of


def get_session(request: Request) -> Iterator[Session]:
    """Yield the request's one transaction; it commits before the answer leaves."""
    with runtime_of(request).database.transaction() as session:
        yield session


def _get_sealer(request: Request) -> Sealer:
    return runtime_of(request).sealer


SessionDep = Annotated[Session, Depends(get_session, scope="function")]
NowDep = Annotated[datetime, Depends(clock.now)]
RuntimeDep = Annotated[Runtime, Depends(runtime_of)]
SealerDep = Annotated[Sealer, Depends(_get_sealer)]


@dataclass(frozen=True)
class Upload:
    """A file that came with a form; a large one lies on disk, not in memory."""

    filename: str
    file: BinaryIO

    @property
    def content(self) -> bytes:
        """Return the whole file; for one that may be large read ``file`` in pieces instead."""
        self.file.seek(0)
        return self.file.read()


@dataclass(frozen=True)
class Form:
    """A submitted form: texts without outer blanks, several values per name, and files."""

    values: dict[str, list[str]]
    files: dict[str, Upload]

    def text(self, name: str) -> str:
        """Return the first value of a field, empty when it was not sent."""
        return self.values.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return self.values.get(name, [])

    def plain(self) -> dict[str, str]:
        """Return the first value of each field, for showing a form again."""
        return {name: values[0] for name, values in self.values.items()}


_MAXIMUM_FIELDS = 500
_MAXIMUM_FILES = 5


async def read_form(request: Request) -> Form:
    """Read a form's body, once for each request however many ask for it.

    Asynchronous because Starlette reads bodies so, and nothing else here. Its files stay open until
    the request is answered; `check_csrf`, which every page of ours passes, closes them.
    """
    kept: Form | None = getattr(request.state, "form", None)
    if kept is None:
        kept = request.state.form = await _read_body(request)
    return kept


async def _read_body(request: Request) -> Form:
    values: dict[str, list[str]] = {}
    files: dict[str, Upload] = {}
    sent = await request.form(max_fields=_MAXIMUM_FIELDS, max_files=_MAXIMUM_FILES)
    for name, value in sent.multi_items():
        if isinstance(value, str):
            values.setdefault(name, []).append(value.strip())
        else:
            files[name] = Upload(value.filename or "", value.file)
    return Form(values, files)


FormDep = Annotated[Form, Depends(read_form)]


@dataclass(frozen=True)
class Caller:
    """A program that called the API with a good access token."""

    client_id: str
    subject: str
    scopes: frozenset[str]
    organisation: str = ""
    is_platform: bool = False

    def check_acts_for(self, organisation: str) -> None:
        """Refuse to act for another body than the client's own; the platform acts for all.

        Raises:
            Forbidden: ``organisation_forbidden``.
        """
        if not self.is_platform and organisation != self.organisation:
            raise Forbidden(
                "organisation_forbidden", "This client does not act for that organisation"
            )

    @property
    def actor(self) -> Actor:
        """Return the caller as an actor for actions and the audit."""
        # What the platform's own services do concerns the body of the thing they do it to.
        own = None if self.is_platform else self.organisation or None
        return Actor("service", self.client_id, own, name=self.client_id)


def require_scope(scope: str) -> Callable[[Request], Caller]:
    """Return a dependency that admits callers whose access token carries the scope.

    Refuses a missing or bad token with 401 and a token without the scope with 403 (RFC 6750).
    """

    def check(request: Request) -> Caller:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthorised("token_missing", "This API needs an access token")
        runtime = runtime_of(request)
        claims = runtime.tokens.verify(token.strip())
        if scope not in claims.scopes:
            raise Forbidden("scope_insufficient", f"The access token lacks the scope {scope}")
        organisation = str(claims.payload.get("organisation", ""))
        return Caller(
            claims.client_id,
            claims.subject,
            claims.scopes,
            organisation,
            is_platform=organisation == runtime.settings.platform_organisation,
        )

    check.__name__ = f"require_scope_{scope}"
    return check


def public(_request: Request) -> None:
    """Mark a route as open to everybody: a decision, not an omission."""
