"""Reads of bodies' own providers and domains."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from identity.organisations.queries import get_organisation_name
from identity.staff_sign_on.models import StaffDomain, Upstream
from identity.staff_sign_on.rules import UpstreamPolicy

_BY_DOMAIN = text(
    """
    SELECT u.organisation FROM upstream u JOIN staff_domain d USING (organisation)
      JOIN organisation o ON o.slug = u.organisation
     WHERE d.domain = :domain AND d.confirmed_at IS NOT NULL AND u.enabled
       AND o.status = 'approved'
    """
)


@dataclass(frozen=True)
class Domain:
    """A domain of e-mail addresses; ``challenge`` is what its TXT record has to say."""

    organisation: str
    organisation_name: str
    domain: str
    challenge: str
    confirmed_at: datetime | None
    confirmed_by: str | None


def get_upstream(session: Session, slug: str) -> UpstreamPolicy | None:
    """Return the provider of a body, None where it has none."""
    row = session.execute(
        select(
            Upstream.organisation,
            Upstream.shape,
            Upstream.issuer,
            Upstream.client_id,
            Upstream.auth_method,
            Upstream.tenant,
            Upstream.medium_values,
            Upstream.enabled,
            Upstream.enforced,
        ).where(Upstream.organisation == slug)
    ).one_or_none()
    if row is None:
        return None
    return UpstreamPolicy(**row._asdict() | {"medium_values": tuple(row.medium_values)})


def get_credential(session: Session, slug: str) -> bytes | None:
    """Return a body's sealed secret or private key at its provider."""
    sealed = session.execute(
        select(Upstream.credential_sealed).where(Upstream.organisation == slug)
    ).scalar_one_or_none()
    return None if sealed is None else bytes(sealed)


def find_upstream_by_domain(session: Session, domain: str) -> UpstreamPolicy | None:
    """Return the provider of the body that an address's domain belongs to."""
    slug = session.execute(_BY_DOMAIN, {"domain": domain}).scalar_one_or_none()
    return None if slug is None else get_upstream(session, slug)


def list_domains(session: Session, slug: str) -> list[Domain]:
    """Return the domains that a body says are its own."""
    return _domains(session, StaffDomain.organisation == slug)


def list_unconfirmed_domains(session: Session) -> list[Domain]:
    """Return the domains that wait for a confirmation, the oldest first."""
    return _domains(session, StaffDomain.confirmed_at.is_(None))


def _domains(session: Session, *where: object) -> list[Domain]:
    rows = session.execute(
        select(
            StaffDomain.organisation,
            StaffDomain.domain,
            StaffDomain.challenge,
            StaffDomain.confirmed_at,
            StaffDomain.confirmed_by,
        )
        .where(*where)  # type: ignore[arg-type]  # conditions on one table
        .order_by(StaffDomain.created_at)
        .limit(200)
    )
    return [
        Domain(organisation_name=get_organisation_name(session, row.organisation), **row._asdict())
        for row in rows
    ]


def is_confirmed(session: Session, slug: str, domain: str) -> bool:
    """Tell whether a domain of addresses is known to be a body's own."""
    found = session.execute(
        select(StaffDomain.domain).where(
            StaffDomain.organisation == slug,
            StaffDomain.domain == domain,
            StaffDomain.confirmed_at.is_not(None),
        )
    ).one_or_none()
    return found is not None


def came_from_upstream(session: Session, session_id: UUID, at: datetime, slug: str) -> bool:
    """Tell whether a session's newest sign-in came from a body's own provider."""
    return bool(
        session.execute(
            text(
                "SELECT EXISTS (SELECT FROM upstream_session WHERE session_id = :id"
                " AND organisation = :slug AND authenticated_at = :at)"
            ),
            {"id": session_id, "slug": slug, "at": at},
        ).scalar_one()
    )
