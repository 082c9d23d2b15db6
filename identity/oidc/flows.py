"""A sign-in on its way, as the pages of sign-in, verification and consent see it.

A client's request becomes a flow. Each page does its step, records it here and sends the person to
``continue_url``, which decides what is next. A flow belongs to a browser, or to the account that
signed in during it, so it survives a change of device. It lives an hour until somebody begins to
sign in, then seven days: a row that nobody touched is not worth keeping.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import RowMapping
from sqlalchemy.orm import Session

from identity.oidc.asked import Asked
from identity.oidc.claim_names import ATTRIBUTES, asked_items
from identity.oidc.consent import claim_items
from identity.oidc.rfc8485_vectors_of_trust import wants_identity
from identity.relying_parties.profiles import PROFILES, VERIFIED_SCOPES
from shared.errors import NotFound

CONTINUE_PATH = "/identity/continue"
# How long a request waits for somebody to begin; the full life is the profile's.
UNTOUCHED_LIFE = timedelta(hours=1)
_DAYS = {"days": json.dumps({name: profile.flow_days for name, profile in PROFILES.items()})}
_FULL_LIFE = """greatest(expires_at,
         created_at + make_interval(days => (cast(:days AS jsonb) ->> profile)::int))"""

_SELECT = text(
    """
    SELECT f.*, r.name AS client_name, r.organisation, r.landing_page, r.first_party,
           coalesce(r.options ->> 'environment', 'live') = 'sandbox' AS is_sandbox,
           r.options AS client_options,
           EXISTS (SELECT FROM client_logo l WHERE l.client_id = f.client_id) AS has_logo
      FROM flow f JOIN relying_party r USING (client_id)
     WHERE f.id = :id AND f.expires_at > :now
    """
)
_CLIENT = text("SELECT client_id FROM flow WHERE id = :id")
_SIGNED_IN = text(
    f"""
    UPDATE flow
       SET verified_at = CASE WHEN account_id = :account_id THEN verified_at END,
           consented_at = CASE WHEN account_id = :account_id THEN consented_at END,
           shared_scopes = CASE WHEN account_id = :account_id THEN shared_scopes END,
           level_waived_at = CASE WHEN account_id = :account_id THEN level_waived_at END,
           account_id = :account_id, session_id = :session_id, signed_in_at = :signed_in_at,
           expires_at = {_FULL_LIFE}
     WHERE id = :id AND expires_at > :now RETURNING id
    """
)
_KEEP = text(f"UPDATE flow SET expires_at = {_FULL_LIFE} WHERE id = :id AND expires_at > :now")
_VERIFIED = text(
    "UPDATE flow SET verified_at = :now"
    " WHERE id = :id AND expires_at > :now AND account_id IS NOT NULL RETURNING id"
)
_CONSENTED = text(
    """
    WITH agreed AS (
      UPDATE flow SET consented_at = :now, shared_scopes = :shared
       WHERE id = :id AND expires_at > :now AND account_id IS NOT NULL
      RETURNING id, account_id, client_id
    ), kept AS (
      INSERT INTO remembered_consent AS kept (account_id, client_id, scopes, declined, attributes,
                                              since, used_at, updated_at)
      SELECT account_id, client_id, :remembered, :declined, :attributes, :now, :now, :now
        FROM agreed
      ON CONFLICT (account_id, client_id) DO UPDATE
         SET scopes = ARRAY(SELECT DISTINCT one FROM unnest(kept.scopes || excluded.scopes) one
                             WHERE one <> ALL (excluded.declined)),
             declined = ARRAY(SELECT DISTINCT one
                                FROM unnest(kept.declined || excluded.declined) one
                               WHERE one <> ALL (excluded.scopes)),
             attributes = CASE WHEN excluded.attributes = '{}' THEN kept.attributes
                               ELSE excluded.attributes END,
             used_at = excluded.used_at, updated_at = excluded.updated_at
    ) SELECT id FROM agreed
    """
)
_WAIVED = text(
    "UPDATE flow SET level_waived_at = :now"
    " WHERE id = :id AND expires_at > :now AND account_id IS NOT NULL RETURNING id"
)
_REFUSED = text(
    "UPDATE flow SET error = :error, error_description = :description"
    " WHERE id = :id AND expires_at > :now AND finished_at IS NULL RETURNING id"
)


@dataclass(frozen=True)
class FlowRequest:
    """What the client asked for, already checked."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    prompt: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    response_mode: str = "query"
    create_account: bool = False
    login_hint: str | None = None
    ui_locales: str | None = None
    response_type: str = "code"
    hint_subject: str | None = None
    pushed: str | None = None
    # The device or decoupled request that this flow answers, instead of a redirect.
    polled_request: str | None = None
    asked: Asked = field(default_factory=Asked)

    def as_json(self) -> str:
        """Return the request as it is stored with its flow."""
        return json.dumps(self.__dict__ | {"asked": self.asked.as_json()})

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "FlowRequest":
        """Return what ``as_json`` stored."""
        lists = {name: tuple(cast("list[str]", stored[name])) for name in ("scopes", "prompt")}
        asked = Asked.from_json(cast("Mapping[str, object]", stored.get("asked", {})))
        return cls(**cast("dict[str, Any]", {**stored, **lists, "asked": asked}))


@dataclass(frozen=True)
class FlowView:
    """A flow as pages may show it.

    Attributes:
        requested_attributes: what the person is asked to share in this flow: attribute scopes,
            and checked facts that ``claims`` names.
        requested_details: what is agreed to once: scopes such as ``email``, and the scopes that
            stand for single claims asked for by name.
        requested_claims: what ``claims`` adds to the scopes, named as the person agrees to it.
        remembered_items: what the person is asked once and not each time.
        needs_verification: something is asked for that needs a checked identity.
        is_sandbox: the client signs fictitious people in.
        return_origin: scheme, host and port that the flow leads back to; a page whose form may be
            the last step names it in ``form_action``.
    """

    id: UUID
    client_id: str
    client_name: str
    organisation: str
    first_party: bool
    landing_page: str
    profile: str
    request: FlowRequest = field(repr=False)
    browser_hash: bytes = field(repr=False)
    account_id: UUID | None
    session_id: UUID | None
    signed_in_at: datetime | None
    verified_at: datetime | None
    consented_at: datetime | None
    shared_scopes: tuple[str, ...] | None
    error: str | None
    error_description: str | None
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None
    client_options: Mapping[str, object] = field(default_factory=dict, repr=False)
    has_logo: bool = False
    level_waived_at: datetime | None = None
    is_sandbox: bool = False

    @property
    def about_client(self) -> dict[str, object]:
        """What pages show of the service beside its name: its picture and its own pages."""
        named = ("policy_uri", "tos_uri", "client_uri")
        links = {name: self.client_options.get(name) for name in named}
        logo_url = f"/identity/clients/{self.client_id}/logo" if self.has_logo else ""
        return {"name": self.client_name, "links": links, "logo_url": logo_url}

    @property
    def scopes(self) -> tuple[str, ...]:
        """Everything the client asked for."""
        return self.request.scopes

    @property
    def prompt(self) -> tuple[str, ...]:
        """The client's wishes about asking again: ``login``, ``consent``, ``select_account``."""
        return self.request.prompt

    @property
    def create_account(self) -> bool:
        """Whether the client wants the sign-up pages to be shown first."""
        return self.request.create_account

    @cached_property
    def requested_attributes(self) -> tuple[str, ...]:
        """What comes from the safe, in the client's order."""
        known = {*PROFILES[self.profile].attribute_scopes, *ATTRIBUTES}
        return tuple(one for one in (*self.scopes, *self.requested_claims) if one in known)

    @cached_property
    def requested_details(self) -> tuple[str, ...]:
        """What is neither ``openid`` nor an attribute."""
        attributes = {"openid", "offline_access", *self.requested_attributes}
        asked = (*self.scopes, *self.requested_claims)
        return tuple(one for one in asked if one not in attributes)

    @cached_property
    def requested_claims(self) -> tuple[str, ...]:
        """What ``claims`` asks for beyond the scopes, each named as the person agrees to it."""
        items = asked_items(self.request.asked.claims)
        return tuple(item for item in items if item not in self.scopes)

    @property
    def identity_items(self) -> tuple[str, ...]:
        """The single claims of an identity, where a profile asks for it by vectors of trust."""
        known = PROFILES[self.profile].vectors_of_trust
        return claim_items(self.request.asked.claims, self.scopes) if known else ()

    @property
    def remembered_items(self) -> tuple[str, ...]:
        """What the person is asked once and not each time."""
        return (*self.requested_details, *self.identity_items)

    @property
    def wants_identity(self) -> bool:
        """Whether the identity is to be proved, by a vector of trust (RFC 8485)."""
        asked = self.request.asked
        return wants_identity(asked.vtr) and not asked.identity_given_up

    @property
    def needs_verification(self) -> bool:
        """Whether something is asked for that needs a checked identity."""
        return self.wants_identity or any(scope in VERIFIED_SCOPES for scope in self.scopes)

    @property
    def return_origin(self) -> str:
        """Scheme, host and port of the address that the flow leads back to."""
        scheme, _, rest = self.request.redirect_uri.partition("://")
        return f"{scheme}://{rest.split('/', 1)[0].split('?', 1)[0]}"


def continue_url(flow_id: UUID) -> str:
    """Return where a page sends the person (303) after its step."""
    return f"{CONTINUE_PATH}?flow={flow_id}"


def find_flow_client(session: Session, flow_id: str) -> str | None:
    """Return whose flow an address names, None where it names none."""
    try:
        found = session.execute(_CLIENT, {"id": UUID(flow_id)}).scalar_one_or_none()
    except ValueError:
        return None
    return None if found is None else str(found)


def get_flow(session: Session, flow_id: UUID, now: datetime) -> FlowView:
    """Return a flow that has not expired.

    Raises:
        NotFound: no such flow, or its time is over.
    """
    row = session.execute(_SELECT, {"id": flow_id, "now": now}).mappings().one_or_none()
    if row is None:
        raise _gone()
    return _view(row)


def record_sign_in(
    session: Session, flow_id: UUID, account_id: UUID, session_id: UUID, now: datetime
) -> None:
    """Note who signed in; steps that somebody else did in this flow are forgotten."""
    bind_session(session, flow_id, account_id, session_id, now, signed_in_at=now)


def bind_session(
    session: Session,
    flow_id: UUID,
    account_id: UUID,
    session_id: UUID,
    now: datetime,
    *,
    signed_in_at: datetime,
) -> None:
    """Tie a flow to the session that answers it, whose sign-in may be older than the flow."""
    found = session.execute(
        _SIGNED_IN,
        {
            "id": flow_id,
            "account_id": account_id,
            "session_id": session_id,
            "signed_in_at": signed_in_at,
            "now": now,
            **_DAYS,
        },
    ).one_or_none()
    if found is None:
        raise _gone()


def keep_flow(session: Session, flow_id: UUID, now: datetime) -> None:
    """Let a flow live its full seven days, because somebody began to sign in on it."""
    session.execute(_KEEP, {"id": flow_id, "now": now, **_DAYS})


def record_verification_done(session: Session, flow_id: UUID, now: datetime) -> None:
    """Note that a check of identity came to an end in this flow, whatever its result."""
    if session.execute(_VERIFIED, {"id": flow_id, "now": now}).one_or_none() is None:
        raise _gone()


def record_consent(
    session: Session, flow_id: UUID, shared_scopes: list[str], now: datetime
) -> None:
    """Note what the person agreed to share, which may be nothing.

    What was not asked for is not recorded. Attributes are agreed to for this flow only; details
    such as ``email`` and single claims are remembered for the client, refusals too.
    """
    flow = get_flow(session, flow_id, now)
    once = flow.remembered_items
    asked = (*flow.requested_attributes, *once)
    shared = [item for item in asked if item in shared_scopes]
    done = session.execute(
        _CONSENTED,
        {
            "id": flow_id,
            "shared": shared,
            "remembered": [item for item in shared if item in once],
            "declined": [item for item in once if item not in shared],
            "attributes": [item for item in shared if item not in once],
            "now": now,
        },
    ).one_or_none()
    if done is None:
        raise _gone()


def record_level_waived(session: Session, flow_id: UUID, now: datetime) -> None:
    """Note that the person goes on without the higher level that the client wished for."""
    if session.execute(_WAIVED, {"id": flow_id, "now": now}).one_or_none() is None:
        raise _gone()


def record_refusal(
    session: Session, flow_id: UUID, error: str, description: str, now: datetime
) -> None:
    """Note that the person ended the flow; the client is told with this error (RFC 6749, 4.1.2.1).

    ``access_denied`` after a cancel, ``account_selection_required`` after a cancelled sign-up.
    """
    done = session.execute(
        _REFUSED, {"id": flow_id, "error": error, "description": description, "now": now}
    ).one_or_none()
    if done is None:
        raise _gone()


def _gone() -> NotFound:
    return NotFound(
        "flow_unknown",
        "This sign-in is no longer there",
        detail="Go back to the service you came from and start again.",
    )


def _view(row: RowMapping) -> FlowView:
    shared = row["shared_scopes"]
    members = {name: row[name] for name in FlowView.__dataclass_fields__ if name in row}
    return FlowView(
        **members
        | {
            "request": FlowRequest.from_json(row["request"]),
            "shared_scopes": None if shared is None else tuple(shared),
        }
    )
