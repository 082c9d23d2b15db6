"""Applications made without pages, for tests of what happens after they are sent."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from gateway.journeys import queries, route
from gateway.journeys.actions import drafts, payees, submission
from gateway.journeys.dossier import Answer, Dossier, PayeeCheck, fingerprint
from gateway.journeys.queries import Instance
from shared.clock import london_date, now
from shared.correlation import set_correlation_id
from shared.crypto import Sealer
from shared.db import Database

SERVICE = "winter-heating-grant"
ACCOUNT = {
    "name": "Morag Fictional",
    "account_type": "personal",
    "sort_code": "990001",
    "account_number": "10000011",
}
ANSWERS: dict[str, object] = {
    "lives_in_scotland": True,
    "pays_for_heating": True,
    "lives_in_care_home": False,
    "date_of_birth": "1954-03-27",
    "heating_fuel": "gas",
}
VERIFIED: dict[str, object] = {
    "given_name": "Morag",
    "family_name": "Fictional",
    "date_of_birth": "1954-03-27",
    "home_address": {
        "buildingNumber": "1",
        "streetName": "Example Street",
        "postalCode": "ZZ1 1ZZ",
    },
}


def begin(database: Database, sealer: Sealer, subject: str | None = None) -> Instance:
    """Begin an application in a browser of its own."""
    at = now()
    with database.transaction() as session:
        return drafts.begin(
            session,
            sealer,
            queries.get_current_service(session, SERVICE),
            subject=subject,
            browser_hash=uuid4().bytes,
            correlation_id=set_correlation_id(None),
            language="en",
            now=at,
        )


def fill(
    database: Database,
    sealer: Sealer,
    instance_id: UUID,
    verified: dict[str, object] | None = None,
    account: dict[str, str] | None = None,
) -> None:
    """Answer everything, prove the identity, check the account."""
    at, details = now(), account or ACCOUNT
    proven = {
        name: Answer(value, "verified", at.isoformat(), "ScotAccount", "medium")
        for name, value in (verified or VERIFIED).items()
    }
    check = PayeeCheck(fingerprint(details), str(uuid4()), "match", "", "", "")

    def see_result(dossier: Dossier) -> Dossier:
        service = queries.get_current_service(session, SERVICE)
        result = route.result_of(service, dossier, london_date(at))
        return replace(dossier, result_seen=route.result_mark(result), apply_anyway=True)

    with database.transaction() as session:
        for name, value in ANSWERS.items():
            drafts.answer(session, sealer, instance_id, name, value, at)
        drafts.keep_verified(session, sealer, instance_id, "id", proven, "verified", at)
        drafts.answer(session, sealer, instance_id, "qualifying_benefit", "none", at)
        payees.record_check(session, sealer, instance_id, "bank_account", details, check, at)
        drafts.change(session, sealer, instance_id, "acknowledge", "x", see_result, at)


def send(
    database: Database,
    sealer: Sealer,
    verified: dict[str, object] | None = None,
    account: dict[str, str] | None = None,
    subject: str = "",
) -> Instance:
    """Return a new application of a new person that was sent."""
    begun = begin(database, sealer, subject or str(uuid4()))
    fill(database, sealer, begun.id, verified, account)
    with database.transaction() as session:
        return submission.submit(session, sealer, begun.id, now())


def moment(day: int, hour: int = 12) -> datetime:
    """Return a moment of a week in November."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)
