import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from identity.oidc.flows import get_flow
from identity.safe.queries import list_attributes
from identity.verification import actions
from identity.verification.gpg45 import make_policy
from identity.verification.pages import get_provider
from identity.verification.providers.document_check import HttpDocumentCheck
from identity.verification.rules import read_claimed
from shared import clock
from tests.identity.people import People, text_of
from tests.identity.verification.test_rules import FORM, POLICY

SCOPE = "openid scotaccount.gpg45.medium scotaccount.address"
FIELDS = {name.replace("-", "__"): value for name, value in FORM.items()}


def begin(people: People) -> str:
    """Sign up on a flow that needs a verified identity, up to the details page."""
    flow = people.begin_flow(SCOPE)
    done = people.sign_up(flow=flow)
    onwards = people.http.get(done.headers["location"])
    assert onwards.headers["location"] == f"/identity/verify?flow={flow}"
    page = people.http.get(onwards.headers["location"])
    assert "Council service needs to know" in text_of(page)
    return flow


def hand_over(people: People, flow: str, **changes: str) -> str:
    """Send the details and return the capture page's address."""
    sent = people.send(f"/identity/verify/details?flow={flow}", **(FIELDS | changes))
    assert sent.status_code == 303, text_of(sent)
    page = people.http.get(sent.headers["location"])
    found = re.search(r'href="(http://127[^"]+/capture/[^"]+)"', page.text)
    assert found is not None
    return found[1]


def be_seen(people: People, capture: str, persona: str) -> Any:
    """Stand before the camera and come back."""
    back = httpx.post(capture, data={"document": "passport", "persona": persona})
    assert back.status_code == 303
    location = back.headers["location"]
    assert location.startswith("http://localhost:8000/identity/verify/return?")
    return people.http.get(location)


def items_of(people: People, flow: str | None = None) -> dict[str, Any]:
    with people.world.database.transaction() as session:
        known = list_attributes(
            session,
            people.account_id(),
            people.world.sealer,
            flow_id=UUID(flow) if flow else None,
        )
    return {str(item["scope"]): item for item in known}


def verify(people: People, persona: str = "verified") -> tuple[str, Any]:
    flow = begin(people)
    back = be_seen(people, hand_over(people, flow), persona)
    return flow, people.http.get(back.headers["location"])


def test_a_verified_person_stores_shares_and_goes_back(verifying: People) -> None:
    flow, outcome = verify(verifying)
    assert "We know who you are" in text_of(outcome)
    stored = verifying.send(f"/identity/verify/store?flow={flow}", store="yes")
    assert stored.headers["location"] == f"/identity/continue?flow={flow}"
    consent = verifying.http.get(stored.headers["location"])
    assert consent.headers["location"] == f"/identity/consent?flow={flow}"
    page = verifying.http.get(consent.headers["location"])
    for word in ("Ann Màiri O’Fictional", "1 February 1980", "12 Invented Street", "EH1 1AA"):
        assert word in text_of(page)
    done = verifying.send(
        f"/identity/consent?flow={flow}",
        share_scotaccount_gpg45_medium="yes",
        share_scotaccount_address="no",
    )
    back = verifying.http.get(done.headers["location"])
    assert back.headers["location"].startswith("https://council.example/callback?code=")
    shared = verifying.world.scalar("SELECT scopes FROM sharing_event")
    assert shared == ["scotaccount.gpg45.medium"]
    history = text_of(verifying.http.get("/identity/account/sharing"))
    assert "Your name and date of birth" in history
    assert "Your address" not in history
    assert "Ann Màiri O’Fictional" in text_of(verifying.http.get("/identity/account"))


def test_the_items_have_the_shape_of_the_claims_token(verifying: People) -> None:
    flow, _ = verify(verifying)
    verifying.send(f"/identity/verify/store?flow={flow}", store="yes")
    items = items_of(verifying)
    person, address = items["scotaccount.gpg45.medium"], items["scotaccount.address"]
    assert person["claims"] == {
        "given_name": "Ann Màiri",
        "family_name": "O’Fictional",
        "birth_date": "1980-02-01",
    }
    assert address["claims"]["address"]["buildingNumber"] == "12"
    for item in (person, address):
        assert item["verification"]["outcome"] == "VERIFIED_SUCCESSFULLY"
        assert item["verification"]["trust_framework"] == "uk_tfida"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", item["verification"]["time"])
    assert person["verification"]["assurance_policy"] == "GPG_45"
    assert address["verification"]["validation_method"] == "credit_reference_agency"
    assert person["verification"]["verifier"] == address["verification"]["verifier"], (
        "items of one check share their transaction"
    )


def test_details_that_are_not_stored_live_for_their_flow_only(verifying: People) -> None:
    flow, _ = verify(verifying)
    verifying.send(f"/identity/verify/store?flow={flow}", store="no")
    assert items_of(verifying) == {}
    known = {"scotaccount.gpg45.medium", "scotaccount.address", "document.passport"}
    assert set(items_of(verifying, flow)) == known
    other = verifying.begin_flow(SCOPE, prompt="login")
    assert items_of(verifying, other) == {}
    assert "Ann" not in text_of(verifying.http.get("/identity/account"))


def test_the_mailbox_is_ordered_once_with_the_first_success(verifying: People) -> None:
    flow, _ = verify(verifying)
    order = "SELECT count(*) FROM outbox WHERE topic = 'identity.verification.create_mailbox'"
    assert verifying.world.scalar(order) == 1
    again = hand_over(verifying, flow, address_line_2="Flat 2")
    be_seen(verifying, again, "verified")
    assert verifying.world.scalar("SELECT count(*) FROM verification WHERE state='verified'") == 2
    assert verifying.world.scalar(order) == 1


@pytest.mark.parametrize(
    ("persona", "words"),
    [
        ("selfie_mismatch", "does not match the one on your document"),
        ("document_expired", "Your document has expired"),
    ],
)
def test_a_failed_person_sees_why_and_may_go_back(
    verifying: People, persona: str, words: str
) -> None:
    flow, outcome = verify(verifying, persona)
    assert words in text_of(outcome)
    assert verifying.send(f"/identity/verify/store?flow={flow}", store="yes").status_code == 404
    token = outcome.text.partition('name="csrf_token" value="')[2][:64]
    gone = verifying.http.post(f"/identity/verify/go-on?flow={flow}", data={"csrf_token": token})
    assert gone.headers["location"] == f"/identity/continue?flow={flow}"
    items = items_of(verifying, flow)
    assert {item["verification"]["outcome"] for item in items.values()} == {"VERIFICATION_FAILED"}
    assert all("claims" not in item for item in items.values())
    assert items_of(verifying) == {}
    assert verifying.world.scalar("SELECT count(*) FROM outbox WHERE topic LIKE '%mailbox'") == 0


def test_a_failed_person_tries_again_and_succeeds(verifying: People) -> None:
    flow, _ = verify(verifying, "selfie_mismatch")
    back = be_seen(verifying, hand_over(verifying, flow), "verified")
    assert "We know who you are" in text_of(verifying.http.get(back.headers["location"]))
    assert verifying.send(f"/identity/verify/store?flow={flow}", store="yes").status_code == 303
    assert items_of(verifying)["scotaccount.gpg45.medium"]["claims"]


def test_warnings_are_told_to_the_service(verifying: People) -> None:
    flow, _ = verify(verifying, "verified_with_warnings")
    item = items_of(verifying, flow)["scotaccount.gpg45.medium"]
    assert item["verification"]["outcome"] == "VERIFIED_WITH_WARNINGS"
    assert verifying.world.scalar("SELECT profile FROM verification") == "M1C"


@pytest.mark.parametrize(("persona", "status"), [("slow", 200), ("provider_down", 503)])
def test_a_result_that_takes_a_while_is_looked_at_again(
    verifying: People, persona: str, status: int
) -> None:
    flow = begin(verifying)
    waiting = be_seen(verifying, hand_over(verifying, flow), persona)
    assert waiting.status_code == status
    here = re.search(r'href="(/identity/verify/return[^"]+)"', waiting.text)
    assert here is not None
    time.sleep(2)
    done = verifying.http.get(here[1].replace("&amp;", "&"))
    assert done.headers["location"].startswith("/identity/verify/outcome")


def test_what_was_claimed_is_forgotten_and_scores_are_sealed(verifying: People) -> None:
    verify(verifying)
    with verifying.world.database.transaction() as session:
        row = session.execute(text("SELECT * FROM verification")).one()
        dump = session.execute(text("SELECT v::text FROM verification v")).scalar_one()
    assert row.claimed_sealed is None
    assert row.profile == "M1B"
    assert row.policy_version.startswith("gpg45-0.4:")
    result = verifying.vault.open(bytes(row.result_sealed), actions.RESULT_RECORD, row.id)
    assert '"verification": 2' in result
    assert "Fictional" not in dump
    assert "Invented" not in dump


def test_bad_details_name_their_fields_and_order_nothing(verifying: People) -> None:
    flow = begin(verifying)
    answer = verifying.send(
        f"/identity/verify/details?flow={flow}", **(FIELDS | {"postcode": "?", "town": ""})
    )
    assert answer.status_code == 422
    assert 'href="#postcode"' in answer.text
    assert 'href="#town"' in answer.text
    assert 'value="12 Invented Street"' in answer.text
    assert verifying.world.scalar("SELECT count(*) FROM verification") == 0


def test_a_company_that_is_away_keeps_the_form(people: People) -> None:
    flow = people.begin_flow(SCOPE)
    people.sign_up(flow=flow)
    pages = people.http.app.routes[-1].app  # type: ignore[attr-defined]  # the test client holds our own app
    from_env = HttpDocumentCheck("http://127.0.0.1:1", "key", httpx.Client())
    pages.dependency_overrides[get_provider] = lambda: from_env
    answer = people.send(f"/identity/verify/details?flow={flow}", **FIELDS)
    assert answer.status_code == 503
    assert 'value="12 Invented Street"' in answer.text
    assert people.world.scalar("SELECT count(*) FROM verification WHERE state='starting'") == 1
    again = people.send(f"/identity/verify/details?flow={flow}", **FIELDS)
    assert again.status_code == 503
    assert people.world.scalar("SELECT count(*) FROM verification") == 1


def test_a_double_click_orders_one_check(verifying: People) -> None:
    flow = begin(verifying)
    first = hand_over(verifying, flow)
    assert hand_over(verifying, flow) == first
    other = hand_over(verifying, flow, town="Perth")
    assert other != first
    states = verifying.world.scalar("SELECT array_agg(state ORDER BY id) FROM verification")
    assert states == ["abandoned", "with_provider"]


def test_sixteen_simultaneous_returns_record_one_result(
    verifying: People, provider: HttpDocumentCheck
) -> None:
    flow_id = begin(verifying)
    httpx.post(hand_over(verifying, flow_id), data={"document": "passport", "persona": "verified"})
    world = verifying.world
    verification = UUID(str(world.scalar("SELECT id FROM verification")))
    with world.database.transaction() as session:
        flow = get_flow(session, UUID(flow_id), clock.now())

    def collect(_: int) -> str:
        return actions.collect(
            world.database,
            verifying.vault,
            provider,
            POLICY,
            flow=flow,
            account_id=verifying.account_id(),
            verification_id=verification,
            now=clock.now(),
        )

    with ThreadPoolExecutor(16) as pool:
        states = set(pool.map(collect, range(16)))
    assert states <= {"verified", "with_provider"}
    assert (
        world.scalar("SELECT count(*) FROM audit_event WHERE action = 'verification.verified'") == 1
    )
    assert world.scalar("SELECT count(*) FROM safe_item") == 3


def test_a_claim_left_by_a_dead_process_is_taken_over(verifying: People) -> None:
    flow_id = begin(verifying)
    capture = hand_over(verifying, flow_id)
    httpx.post(capture, data={"document": "passport", "persona": "verified"})
    verifying.world.execute(
        "UPDATE verification SET state = 'collecting', claim_expires_at = :at",
        at=clock.now() + timedelta(seconds=20),
    )
    where = f"/identity/verify/return?flow={flow_id}&verification="
    where += str(verifying.world.scalar("SELECT id FROM verification"))
    assert verifying.http.get(where).status_code == 200
    verifying.world.execute("UPDATE verification SET claim_expires_at = now()")
    assert verifying.http.get(where).status_code == 303
    assert verifying.world.scalar("SELECT state FROM verification") == "verified"


def test_another_persons_flow_and_check_are_not_shown(verifying: People) -> None:
    flow, _ = verify(verifying)
    check = verifying.world.scalar("SELECT id FROM verification")
    verifying.world.http = verifying.another_browser()
    verifying.sign_up("bob@person.example")
    pages = ("verify", "verify/details", "verify/store", "consent")
    assert {verifying.http.get(f"/identity/{page}?flow={flow}").status_code for page in pages} == {
        403
    }
    own = verifying.begin_flow(SCOPE)
    verifying.http.get(f"/identity/continue?flow={own}")
    answer = verifying.http.get(f"/identity/verify/outcome?flow={own}&verification={check}")
    assert answer.status_code in (403, 404)
    assert "Fictional" not in answer.text


def test_a_person_who_is_not_signed_in_signs_in_on_the_same_flow(verifying: People) -> None:
    flow = begin(verifying)
    stranger = verifying.another_browser()
    answer = stranger.get(f"/identity/verify/details?flow={flow}")
    assert answer.headers["location"] == f"/identity/sign-in?flow={flow}"


def test_a_stored_result_serves_the_next_flow_without_a_new_check(verifying: People) -> None:
    flow, _ = verify(verifying)
    verifying.send(f"/identity/verify/store?flow={flow}", store="yes")
    second = verifying.begin_flow(SCOPE, state="two")
    onwards = verifying.http.get(f"/identity/continue?flow={second}")
    assert onwards.headers["location"] == f"/identity/consent?flow={second}"
    assert "Ann Màiri" in text_of(verifying.http.get(onwards.headers["location"]))


def test_reading_a_claim_does_not_need_the_policy() -> None:
    assert make_policy(["M1A"]).accepted[0].id == "M1A"
    assert read_claimed(FORM, clock.london_date(clock.now())).postcode == "EH1 1AA"


def test_a_person_who_left_finds_the_check_again(verifying: People) -> None:
    flow = begin(verifying)
    capture = hand_over(verifying, flow)
    assert "You have begun a check" in text_of(verifying.http.get(f"/identity/verify?flow={flow}"))
    httpx.post(capture, data={"document": "passport", "persona": "verified"})
    page = verifying.http.get(f"/identity/verify?flow={flow}")
    here = re.search(r'href="(/identity/verify/return[^"]+)"', page.text)
    assert here is not None
    verifying.http.get(here[1].replace("&amp;", "&"))
    after = verifying.http.get(f"/identity/verify?flow={flow}")
    assert after.headers["location"].startswith("/identity/verify/outcome?")
