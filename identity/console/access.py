"""Who may use the console: staff of a body by their roles there, and the platform's operators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from identity.accounts.queries import get_profile
from identity.organisations.queries import Body, get_body, list_staff_roles
from identity.organisations.rules import (
    CONSOLE_ROLES,
    DEVELOPER,
    OPERATIONS,
    OPERATOR,
    OWNER,
    VIEWER,
)
from identity.signin.access import SignedInDep
from identity.signin.queries import SignedInSession
from shared.actors import Actor
from shared.errors import FieldError, Forbidden, NotFound
from shared.web.deps import RuntimeDep
from shared.web.pages import translate
from shared.web.runtime import runtime_of

CONSOLE = "/identity/console"
_ENOUGH = frozenset({"medium", "high", "very_high"})
_ENFORCED = text(
    """
    SELECT EXISTS (SELECT FROM upstream WHERE organisation = :slug AND enabled AND enforced)
       AND NOT EXISTS (SELECT FROM upstream_session
                        WHERE organisation = :slug AND session_id = :session_id
                          AND authenticated_at = :authenticated_at)
       AND EXISTS (SELECT FROM staff_member WHERE organisation = :slug AND account_id = :account_id)
    """
)
_MEMBER = text(
    "SELECT roles FROM staff_member WHERE account_id = :account_id AND organisation = :slug"
)


@dataclass(frozen=True)
class Person:
    """Who uses the console, signed in with two factors."""

    account_id: UUID
    session: SignedInSession
    name: str
    email: str
    is_operator: bool

    @property
    def actor(self) -> Actor:
        """Return the person as an actor for actions and the audit."""
        return Actor("staff", str(self.account_id), name=self.name or self.email)


@dataclass(frozen=True)
class Member:
    """A person at one body, with what they may do there."""

    person: Person
    body: Body
    roles: frozenset[str]

    @property
    def may_manage_staff(self) -> bool:
        """Whether the person may invite, change and remove staff."""
        return OWNER in self.roles

    @property
    def may_manage_clients(self) -> bool:
        """Whether the person may register and change clients."""
        return bool({OWNER, DEVELOPER} & self.roles)

    @property
    def actor(self) -> Actor:
        """Return the person as an actor of this body."""
        person = self.person
        return Actor(
            "staff",
            str(person.account_id),
            self.body.slug,
            self.roles,
            person.name or person.email,
        )


def require_person(request: Request, runtime: RuntimeDep, session: SignedInDep) -> Person:
    """Return who is signed in; refuses a sign-in with one factor only."""
    if session.level not in _ENOUGH:
        raise Forbidden(
            "level_too_low",
            "Sign in with two factors",
            detail="The console needs a sign-in with your password and a code, or a passkey."
            " Sign out and sign in again.",
        )
    with runtime.database.transaction() as database:
        profile = get_profile(database, session.account_id, runtime.sealer)
        places = list_staff_roles(database, session.account_id, session.id)
    if profile is None:
        raise NotFound("account_gone", "This account is no longer there")
    is_operator = any(
        place["organisation"] == OPERATIONS
        and isinstance(place["roles"], list)
        and OPERATOR in place["roles"]
        for place in places
    )
    person = Person(session.account_id, session, profile.display_name, profile.email, is_operator)
    request.state.console_person = person
    return person


PersonDep = Annotated[Person, Depends(require_person)]


def require_member(runtime: RuntimeDep, person: PersonDep, body: str) -> Member:
    """Return the person at the body that the address names; refuses people without a role there.

    To everybody else the body is not there at all, so that nobody learns who uses the platform.
    """
    with runtime.database.transaction() as session:
        found = get_body(session, body)
        roles = _roles(session, person, body)
    if found is None or not (roles or person.is_operator):
        raise NotFound("body_unknown", "This organisation is not there for you")
    return Member(person, found, roles | ({VIEWER} if person.is_operator else set()))


def _roles(session: Session, person: Person, slug: str) -> frozenset[str]:
    values = {
        "slug": slug,
        "account_id": person.account_id,
        "session_id": person.session.id,
        "authenticated_at": person.session.authenticated_at,
    }
    if session.execute(_ENFORCED, values).scalar_one():
        raise Forbidden(
            "own_sign_in_needed",
            "Sign in with your organisation",
            detail="Your organisation lets its staff in only through its own sign-in."
            " Sign out, then choose to sign in with your organisation.",
        )
    roles = session.execute(_MEMBER, {"account_id": person.account_id, "slug": slug}).scalar()
    return frozenset(roles or ()) & frozenset(CONSOLE_ROLES)


MemberDep = Annotated[Member, Depends(require_member)]


def _require(*roles: str, open_to: Sequence[str] = ("approved",)) -> Callable[[Member], Member]:
    def check(member: MemberDep) -> Member:
        if not set(roles) & member.roles:
            raise Forbidden(
                "role_missing",
                "Your role does not allow this",
                detail="Ask an owner of your organisation.",
            )
        if member.body.status not in open_to:
            raise Forbidden(
                "body_not_approved",
                "Your organisation is not approved",
                detail="An operator of the platform has to approve it before you go on.",
            )
        return member

    check.__name__ = "require_" + "_or_".join(role.rpartition(".")[2] for role in roles)
    return check


OwnerDep = Annotated[Member, Depends(_require(OWNER, open_to=("approved", "applied")))]
DeveloperDep = Annotated[Member, Depends(_require(OWNER, DEVELOPER))]


def require_operator(person: PersonDep) -> Person:
    """Return the operator who is signed in; for everybody else these pages are not there."""
    if not person.is_operator:
        raise NotFound("not_found", "Page not found")
    return person


OperatorDep = Annotated[Person, Depends(require_operator)]


def show(
    request: Request,
    template: str,
    *,
    faults: Sequence[FieldError] = (),
    status: int | None = None,
    **values: Any,
) -> Response:
    """Return a page of the console; faults make it 422 and come as ``errors`` by field."""
    person: Person | None = getattr(request.state, "console_person", None)
    signed_in: dict[str, Any] = {}
    if person is not None:
        signed_in = {
            "signed_in_as": person.name or person.email,
            "sign_out_url": "/identity/sign-out",
            "navigation": _navigation(request, person),
        }
    return runtime_of(request).pages.render(
        request,
        template,
        status=status or (422 if faults else 200),
        errors={fault.field: fault.message for fault in faults},
        error_list=faults,
        done=request.query_params.get("done", ""),
        console=CONSOLE,
        **signed_in,
        **values,
    )


def _navigation(request: Request, person: Person) -> list[dict[str, object]]:
    entries = [("Your organisations", CONSOLE)]
    if person.is_operator:
        entries.append(("Requests", f"{CONSOLE}/operations"))
    path = request.url.path
    return [
        {"text": translate(words), "href": href, "current": path == href} for words, href in entries
    ]


def go(path: str, done: str = "") -> Response:
    """Lead on to a page of the console after a form; ``done`` is what its banner says."""
    return RedirectResponse(f"{CONSOLE}{path}" + (f"?done={done}" if done else ""), 303)
