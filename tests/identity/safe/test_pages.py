from datetime import timedelta
from uuid import UUID

from identity.safe.actions import delete_stored, keep_for_flow, store
from identity.safe.queries import has_stored, list_attributes
from identity.safe.rules import FAILED, address_lines, make_item
from shared import clock
from shared.ids import new_id
from tests.identity.people import People, text_of

GPG45, ADDRESS = "scotaccount.gpg45.medium", "scotaccount.address"
PERSON = {"given_name": "Ann", "family_name": "Fictional", "birth_date": "1980-02-01"}


def keep(people: People, flow: UUID, outcome: str = "VERIFIED_SUCCESSFULLY") -> None:
    now = clock.now()
    item = make_item(GPG45, outcome=outcome, verified_at=now, txn=new_id(), claims=PERSON)
    with people.world.database.transaction() as session:
        keep_for_flow(
            session,
            people.world.sealer,
            account_id=people.account_id(),
            flow_id=flow,
            items=[item],
            expires_at=now + timedelta(days=1),
            now=now,
        )


def outcomes(people: People, flow: UUID | None = None) -> list[str]:
    with people.world.database.transaction() as session:
        items = list_attributes(session, people.account_id(), people.world.sealer, flow_id=flow)
    return [str(item["verification"]["outcome"]) for item in items]  # type: ignore[index]  # another shape would fail the test


def save(people: People, flow: UUID) -> list[str]:
    with people.world.database.transaction() as session:
        return store(session, account_id=people.account_id(), flow_id=flow, now=clock.now())


def test_storing_twice_stores_once(people: People) -> None:
    people.sign_up()
    flow = new_id()
    keep(people, flow)
    assert save(people, flow) == [GPG45]
    assert save(people, flow) == []
    assert people.world.scalar("SELECT count(*) FROM safe_item") == 1


def test_a_newer_result_replaces_the_stored_one(people: People) -> None:
    people.sign_up()
    for outcome in ("VERIFIED_SUCCESSFULLY", "VERIFIED_WITH_WARNINGS"):
        flow = new_id()
        keep(people, flow, outcome)
        save(people, flow)
    assert outcomes(people) == ["VERIFIED_WITH_WARNINGS"]


def test_a_failure_is_not_stored_and_hides_no_success(people: People) -> None:
    people.sign_up()
    first, second = new_id(), new_id()
    keep(people, first)
    save(people, first)
    keep(people, second, FAILED)
    assert save(people, second) == []
    assert outcomes(people, second) == ["VERIFIED_SUCCESSFULLY"]
    with people.world.database.transaction() as session:
        delete_stored(session, people.account_id())
    assert outcomes(people, second) == [FAILED]
    assert outcomes(people) == []


def test_a_person_deletes_what_is_saved_after_being_asked(people: People) -> None:
    people.sign_up()
    flow = new_id()
    keep(people, flow)
    save(people, flow)
    assert "Ann Fictional" in text_of(people.http.get("/identity/account/saved-details"))
    assert "cannot be undone" in text_of(people.http.get("/identity/account/saved-details/delete"))
    done = people.send("/identity/account/saved-details/delete")
    page = people.http.get(done.headers["location"])
    assert "are deleted" in text_of(page)
    assert "Ann Fictional" not in text_of(page)
    assert people.world.scalar("SELECT count(*) FROM safe_item") == 0
    assert "Your saved details were deleted" in text_of(
        people.http.get("/identity/account/activity")
    )


def test_consent_asks_for_each_thing_and_counts_no_silence(people: People) -> None:
    flow = people.begin_flow("openid scotaccount.email")
    done = people.sign_up(flow=flow)
    onwards = people.http.get(done.headers["location"])
    assert onwards.headers["location"] == f"/identity/consent?flow={flow}"
    silent = people.send(f"/identity/consent?flow={flow}")
    assert silent.status_code == 422
    assert 'href="#share_scotaccount_email"' in silent.text
    assert people.world.scalar("SELECT count(*) FROM sharing_event") == 0
    assert people.world.scalar("SELECT consented_at FROM flow") is None


def test_sharing_nothing_is_an_answer_and_leaves_no_line(people: People) -> None:
    flow = people.begin_flow("openid scotaccount.email")
    people.sign_up(flow=flow)
    done = people.send(f"/identity/consent?flow={flow}", share_scotaccount_email="no")
    assert done.headers["location"] == f"/identity/continue?flow={flow}"
    assert people.world.scalar("SELECT count(*) FROM sharing_event") == 0
    assert people.world.scalar("SELECT shared_scopes FROM flow") == []


def test_agreeing_twice_writes_one_line(people: People) -> None:
    flow = people.begin_flow("openid scotaccount.email")
    people.sign_up(flow=flow)
    for _ in range(2):
        people.send(f"/identity/consent?flow={flow}", share_scotaccount_email="yes")
    assert people.world.scalar("SELECT count(*) FROM sharing_event") == 1
    assert "Council service" in text_of(people.http.get("/identity/account/sharing"))


def test_the_history_of_sharing_cannot_be_changed(people: People) -> None:
    flow = people.begin_flow("openid scotaccount.email")
    people.sign_up(flow=flow)
    people.send(f"/identity/consent?flow={flow}", share_scotaccount_email="yes")
    rights = people.world.scalar(
        "SELECT string_agg(privilege_type, ',' ORDER BY privilege_type)"
        " FROM information_schema.role_table_grants"
        " WHERE table_name = 'sharing_event' AND grantee = 'identity'"
    )
    assert rights == "INSERT,SELECT"


def test_what_is_stored_is_known_by_scope(people: People) -> None:
    people.sign_up()
    flow = new_id()
    keep(people, flow)
    with people.world.database.transaction() as session:
        assert not has_stored(session, people.account_id(), {GPG45})
    save(people, flow)
    with people.world.database.transaction() as session:
        assert has_stored(session, people.account_id(), {GPG45})
        assert not has_stored(session, people.account_id(), {GPG45, ADDRESS})


def test_an_address_reads_as_on_a_letter() -> None:
    address = {
        "subBuildingName": "Flat 3",
        "buildingNumber": "12",
        "streetName": "Invented Street",
        "addressLocality": "Perth",
        "postalCode": "PH1 1AA",
    }
    assert address_lines({"address": address}) == [
        "Flat 3",
        "12 Invented Street",
        "Perth",
        "PH1 1AA",
    ]
    assert address_lines({}) == []
