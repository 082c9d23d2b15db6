"""Who may see a body's payments: staff by the `staff` claim of their sign-in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Request
from starlette.responses import RedirectResponse, Response

from payments.controls.standing_in.queries import Under, find_granted
from payments.payees.master.rules import SEES_PAYEES
from payments.payees.rules import CHECK_ROLES
from payments.runs.rules import ADMINISTRATOR, APPROVER, AUDITOR, RECONCILER, SEES_RUNS
from shared.actors import Actor
from shared.errors import Forbidden
from shared.web.deps import NowDep, RuntimeDep
from shared.web.login import SignedIn, WebSession
from shared.web.pages import NavigationItem, translate

BODY_COOKIE = "payments_body"
CHOOSE_PATH = "/payments/choose-body"
_PREFIX = "payments."
_ADMINISTERS = (ADMINISTRATOR, AUDITOR)
_ENTRIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Today", "/payments/", SEES_RUNS),
    ("Uploads", "/payments/uploads", SEES_RUNS),
    ("Runs", "/payments/runs", SEES_RUNS),
    ("Schedules", "/payments/schedules", (*SEES_RUNS, ADMINISTRATOR)),
    ("Find a payment", "/payments/search", SEES_RUNS),
    ("Holds", "/payments/holds", SEES_RUNS),
    ("Calendar", "/payments/calendar", (*SEES_RUNS, ADMINISTRATOR)),
    ("Payees", "/payments/payees", SEES_PAYEES),
    (
        "Released holds",
        "/payments/payees/overrides",
        (AUDITOR, APPROVER, "payments.payee_approver"),
    ),
    ("Confirmation of Payee", "/payments/confirmation-of-payee", (*CHECK_ROLES, AUDITOR)),
    ("Files to the bank", "/payments/submissions", SEES_RUNS),
    ("Work", "/payments/work", SEES_RUNS),
    ("Reports of the bank", "/payments/bank/reports", SEES_RUNS),
    ("Screening", "/payments/screening", (APPROVER, ADMINISTRATOR, AUDITOR)),
    ("Confirmation of Payee", "/payments/confirmation-of-payee", CHECK_ROLES),
    ("Vouchers", "/payments/vouchers", SEES_RUNS),
    ("Bills", "/payments/bills", SEES_RUNS),
    ("Reconciliation", "/payments/reconciliation", SEES_RUNS),
    ("Ledger", "/payments/ledger", SEES_RUNS),
    ("Balances at a day", "/payments/ledger/balances", SEES_RUNS),
    ("Months", "/payments/periods", (RECONCILER, AUDITOR, ADMINISTRATOR)),
    ("Manual journals", "/payments/journals", (RECONCILER, AUDITOR, ADMINISTRATOR)),
    ("Journals", "/payments/gl", (RECONCILER, AUDITOR, ADMINISTRATOR)),
    ("Reports", "/payments/reports", SEES_RUNS),
    ("Auditor's pack", "/payments/reports/auditor-pack", (AUDITOR, ADMINISTRATOR)),
    ("Audit log", "/payments/audit", (AUDITOR,)),
    ("Remittance advice", "/payments/settings/remittance", (ADMINISTRATOR, AUDITOR)),
    ("Webhooks", "/payments/webhooks", (ADMINISTRATOR, AUDITOR)),
    ("Limits and approval", "/payments/controls", _ADMINISTERS),
    ("Delegations", "/payments/controls/delegations", (*SEES_RUNS, ADMINISTRATOR)),
    ("Emergency access", "/payments/controls/emergency", _ADMINISTERS),
    ("Settings", "/payments/settings", _ADMINISTERS),
    ("Late payments", "/payments/settings/awaited", _ADMINISTERS),
)

# The header shows sections, and below it the pages of the section that one is in. A page belongs to
# the first section that one of its addresses begins with.
_SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Payments",
        (
            "/payments/runs",
            "/payments/uploads",
            "/payments/search",
            "/payments/holds",
            "/payments/calendar",
            "/payments/schedules",
        ),
    ),
    ("Payees", ("/payments/payees", "/payments/confirmation-of-payee", "/payments/screening")),
    (
        "Bank",
        (
            "/payments/bank",
            "/payments/submissions",
            "/payments/work",
            "/payments/vouchers",
            "/payments/bills",
            "/payments/payment-orders",
        ),
    ),
    ("Reconciliation", ("/payments/reconciliation",)),
    ("Ledger", ("/payments/ledger", "/payments/gl", "/payments/periods", "/payments/journals")),
    ("Reports", ("/payments/reports", "/payments/audit")),
    ("Settings", ("/payments/controls", "/payments/settings", "/payments/webhooks")),
    ("Today", ("/payments/",)),
)


class BodyNeeded(Exception):  # noqa: N818 - an answer, not a fault: the door redirects
    """A person of several bodies has to say for which one they work now."""


@dataclass(frozen=True)
class Staff:
    """A signed-in member of staff, working for one body."""

    person_id: str
    name: str
    organisation: str
    roles: frozenset[str]
    organisations: tuple[str, ...]
    # What gives them roles for now that are not theirs: a delegation or an emergency.
    under: Under = ""

    @property
    def actor(self) -> Actor:
        """Return the person as an actor for actions and the audit."""
        return Actor("staff", self.person_id, self.organisation, self.roles, self.name, self.under)

    def has(self, *roles: str) -> bool:
        """Tell whether the person has one of these roles in the body they work for."""
        return not self.roles.isdisjoint(roles)


def memberships(web_session: WebSession) -> dict[str, frozenset[str]]:
    """Return the payments roles of a person in each body, from the `staff` claim."""
    claim = web_session.claims.get("staff")
    found: dict[str, frozenset[str]] = {}
    for entry in claim if isinstance(claim, list) else []:
        if not isinstance(entry, dict):
            continue
        organisation, roles = entry.get("organisation"), entry.get("roles")
        if isinstance(organisation, str) and isinstance(roles, list):
            own = frozenset(str(role) for role in roles if str(role).startswith(_PREFIX))
            if own:
                found[organisation] = own
    return found


def get_staff(request: Request, web_session: SignedIn, runtime: RuntimeDep, now: NowDep) -> Staff:
    """Return who is here and for which body; refuses people without a role in payments.

    Roles of a delegation or an emergency are added while they last.

    Raises:
        Forbidden: the person has no payments role anywhere.
        BodyNeeded: they have roles in several bodies and have not chosen one.
    """
    found = memberships(web_session)
    if not found:
        raise Forbidden(
            "no_payments_role",
            "You do not have a role in payments",
            detail="Ask the administrator of your organisation for one of the roles uploader, "
            "approver, enquiry only or Confirmation of Payee.",
        )
    chosen = request.cookies.get(BODY_COOKIE, "")
    if len(found) == 1:
        chosen = next(iter(found))
    if chosen not in found:
        raise BodyNeeded
    # A transaction of its own: pages that call other parties hold none meanwhile.
    with runtime.database.transaction() as session:
        granted = find_granted(session, chosen, web_session.subject, found[chosen], now)
    staff = Staff(
        web_session.subject,
        web_session.display_name or "",
        chosen,
        found[chosen] | granted.roles,
        tuple(sorted(found)),
        granted.under,
    )
    request.state.staff = staff
    return staff


StaffDep = Annotated[Staff, Depends(get_staff)]


def require_role(*roles: str) -> Callable[[Staff], Staff]:
    """Return a dependency that admits staff who have one of these roles in their body."""

    def check(staff: StaffDep) -> Staff:
        if not staff.has(*roles):
            raise Forbidden(
                "role_missing",
                "Your role does not allow this",
                detail="Ask the administrator of your organisation.",
            )
        return staff

    check.__name__ = "require_role_" + "_or_".join(roles)
    return check


def staff_of(request: Request) -> Staff | None:
    """Return who is here, where the page has asked for staff; for the header's navigation."""
    staff: Staff | None = getattr(request.state, "staff", None)
    return staff


def navigation_of(request: Request) -> dict[str, object]:
    """Return the header's entries for whoever is here, none for people without a role."""
    staff = staff_of(request)
    if staff is None:
        return {}
    visible = [(text, href) for text, href, roles in _ENTRIES if staff.has(*roles)]
    sections: dict[str, list[tuple[str, str]]] = {}
    for text, href in visible:
        sections.setdefault(section_of(href), []).append((text, href))
    path = request.url.path
    here = section_of(path)
    pages = sections.get(here, [])
    # Of two addresses that this one begins with, the longer is the page's own.
    page = max((href for _, href in pages if path.startswith(href)), key=len, default="")
    return {
        "navigation": [
            _entry(name, entries[0][1], is_here=name == here) for name, entries in sections.items()
        ],
        "subnavigation": [_entry(text, href, is_here=href == page) for text, href in pages]
        if len(pages) > 1
        else [],
    }


def section_of(path: str) -> str:
    """Return the section of the console that a page belongs to."""
    return next(
        name for name, starts in _SECTIONS if any(path.startswith(start) for start in starts)
    )


def _entry(text: str, href: str, *, is_here: bool) -> NavigationItem:
    return {"text": translate(text), "href": href, "current": is_here}


def install_access(app: FastAPI) -> None:
    """Send people of several bodies to choose one before they see a page."""

    def choose(request: Request, _needed: Exception) -> Response:
        here = request.url.path if request.method == "GET" else "/payments/"
        return RedirectResponse(f"{CHOOSE_PATH}?{urlencode({'return_to': here})}", 303)

    app.add_exception_handler(BodyNeeded, choose)
