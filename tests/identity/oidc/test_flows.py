"""A flow from the request to the client, over the pages' steps (S11, S16)."""

from datetime import timedelta
from uuid import UUID

import pytest

from identity.oidc import flows
from identity.oidc.limits import ClientLimits
from shared import clock
from shared.errors import NotFound
from tests.identity.oidc.world import CALLBACK, OIDC, SCOT, World, answer_of
from tests.identity.people import People

_GPG45 = "openid scotaccount.gpg45.medium scotaccount.address"


@pytest.fixture
def scot(world: World) -> World:
    world.register("sandboxscot01", profile="scotaccount")
    return world


def begin(world: World, **changes: str) -> UUID:
    """Start a flow that needs a page; return its id."""
    answer = world.authorize(SCOT, **{"client_id": "sandboxscot01", "scope": _GPG45} | changes)
    return UUID(answer_of(answer)["flow"])


def go_on(world: World, flow_id: UUID) -> str:
    """Return where the person is sent next."""
    answer = world.http.get(f"/identity/continue?flow={flow_id}")
    assert answer.status_code in (302, 303), answer.text
    return answer.headers["location"]


def test_sign_in_verification_and_consent_follow_each_other(scot: World) -> None:
    flow_id = begin(scot)
    assert go_on(scot, flow_id) == f"/identity/sign-in?flow={flow_id}"
    person = scot.sign_in()
    now = clock.now()
    with scot.database.transaction() as session:
        flows.record_sign_in(session, flow_id, person.account_id, person.session_id, now)
    assert go_on(scot, flow_id) == f"/identity/verify?flow={flow_id}"
    with scot.database.transaction() as session:
        flows.record_verification_done(session, flow_id, now)
    assert go_on(scot, flow_id) == f"/identity/consent?flow={flow_id}"
    with scot.database.transaction() as session:
        flows.record_consent(session, flow_id, ["scotaccount.gpg45.medium", "surprise"], now)
    assert go_on(scot, flow_id).startswith(f"{CALLBACK}?code=")
    shared = scot.scalar("SELECT shared_scopes FROM authorisation")
    assert shared == ["scotaccount.gpg45.medium"], "what was not asked for is not shared"


def test_a_second_flow_on_the_session_asks_for_consent_but_no_password(scot: World) -> None:
    """S11."""
    person = scot.sign_in()
    flow_id = begin(scot, scope="openid scotaccount.email")
    assert go_on(scot, flow_id) == f"/identity/consent?flow={flow_id}"
    view = _view(scot, flow_id)
    assert view.account_id == person.account_id
    with scot.database.transaction() as session:
        flows.record_consent(session, flow_id, ["scotaccount.email"], clock.now())
    assert "code=" in go_on(scot, flow_id)
    again = begin(scot, scope="openid scotaccount.email")
    assert go_on(scot, again) == f"/identity/consent?flow={again}", "attributes: every time"


def test_details_are_agreed_to_once_per_client(world: World) -> None:
    world.register()
    world.sign_in()
    flow_id = UUID(answer_of(world.authorize(scope="openid email"))["flow"])
    with world.database.transaction() as session:
        flows.record_consent(session, flow_id, ["email"], clock.now())
    assert "code=" in go_on(world, flow_id)
    assert world.code(scope="openid email")
    assert "flow" in answer_of(world.authorize(scope="openid email profile"))


def test_a_refusal_reaches_the_client_in_its_words(scot: World) -> None:
    flow_id = begin(scot)
    with scot.database.transaction() as session:
        flows.record_refusal(
            session,
            flow_id,
            "account_selection_required",
            "Account sign-up was cancelled",
            clock.now(),
        )
    answer = answer_of(scot.http.get(f"/identity/continue?flow={flow_id}"))
    assert answer["error"] == "account_selection_required"
    assert answer["error_description"] == "Account sign-up was cancelled"
    assert (answer["state"], answer["iss"]) == ("st=te==", SCOT)
    assert scot.scalar("SELECT count(*) FROM authorisation") == 0


def test_a_flow_lives_seven_days_and_not_longer(scot: World) -> None:
    """S16."""
    flow_id = begin(scot)
    person = scot.sign_in()
    with scot.database.transaction() as session:
        flows.record_sign_in(session, flow_id, person.account_id, person.session_id, clock.now())
    soon, late = clock.now() + timedelta(days=6, hours=23), clock.now() + timedelta(days=7)
    with scot.database.transaction() as session:
        assert flows.get_flow(session, flow_id, soon).id == flow_id
        with pytest.raises(NotFound):
            flows.get_flow(session, flow_id, late)
        with pytest.raises(NotFound):
            flows.record_verification_done(session, flow_id, late)


def test_a_flow_that_nobody_touches_lives_an_hour(scot: World) -> None:
    """Anybody can write such a row, so it must not stay."""
    flow_id = begin(scot)
    soon, late = clock.now() + timedelta(minutes=59), clock.now() + timedelta(minutes=61)
    with scot.database.transaction() as session:
        assert flows.get_flow(session, flow_id, soon).id == flow_id
        with pytest.raises(NotFound):
            flows.get_flow(session, flow_id, late)


def test_a_form_that_is_sent_keeps_the_flow_for_seven_days(people: People) -> None:
    flow_id = people.begin_flow()
    people.send(f"/identity/sign-in?flow={flow_id}", email="", password="")
    late = clock.now() + timedelta(days=6, hours=23)
    with people.world.database.transaction() as session:
        assert flows.get_flow(session, UUID(flow_id), late).id == UUID(flow_id)


def test_nobody_cancels_a_flow_of_another_browser(people: People) -> None:
    flow_id = people.begin_flow()
    other = people.another_browser()
    left = people.send(f"/identity/cancel?flow={flow_id}", http=other)
    assert left.status_code == 403
    assert people.world.scalar("SELECT error FROM flow") is None
    left = people.send(f"/identity/cancel?flow={flow_id}")
    assert left.status_code == 303
    assert people.world.scalar("SELECT error FROM flow") == "access_denied"


def test_another_browser_cannot_take_a_flow_over(scot: World) -> None:
    flow_id = begin(scot)
    scot.http.cookies.clear()
    scot.sign_in()
    assert scot.http.get(f"/identity/continue?flow={flow_id}").status_code == 403
    assert scot.scalar("SELECT count(*) FROM authorisation") == 0


def test_the_same_person_goes_on_from_another_device(scot: World) -> None:
    """S16."""
    flow_id = begin(scot)
    person = scot.sign_in()
    with scot.database.transaction() as session:
        flows.record_sign_in(session, flow_id, person.account_id, person.session_id, clock.now())
    cookie = scot.http.cookies["clachan-session"]
    scot.http.cookies.clear()
    scot.http.cookies.set("clachan-session", cookie)
    assert go_on(scot, flow_id) == f"/identity/verify?flow={flow_id}"


def test_another_persons_consent_does_not_count(scot: World) -> None:
    flow_id = begin(scot, scope="openid scotaccount.email")
    jean = scot.sign_in()
    with scot.database.transaction() as session:
        flows.record_sign_in(session, flow_id, jean.account_id, jean.session_id, clock.now())
        flows.record_consent(session, flow_id, ["scotaccount.email"], clock.now())
    ross = scot.sign_in("ross@example.test")
    assert go_on(scot, flow_id) == f"/identity/consent?flow={flow_id}"
    view = _view(scot, flow_id)
    assert (view.account_id, view.consented_at, view.shared_scopes) == (
        ross.account_id,
        None,
        None,
    )


def test_a_client_that_lost_its_address_meanwhile_gets_no_code(scot: World) -> None:
    flow_id = begin(scot, scope="openid scotaccount.email")
    person = scot.sign_in()
    with scot.database.transaction() as session:
        flows.record_sign_in(session, flow_id, person.account_id, person.session_id, clock.now())
        flows.record_consent(session, flow_id, [], clock.now())
    scot.register(
        "sandboxscot01", profile="scotaccount", redirect_uris=("https://new.example/callback",)
    )
    again = World.create(
        scot.database, scot.settings.database_url, scot.settings.encryption_key_file
    )
    again.http.cookies = scot.http.cookies
    assert again.http.get(f"/identity/continue?flow={flow_id}").status_code == 400
    assert again.scalar("SELECT count(*) FROM authorisation") == 0
    again.close()


@pytest.mark.parametrize("flow", ["", "x", str(UUID(int=7))])
def test_an_unknown_flow_is_a_page_that_says_so(world: World, flow: str) -> None:
    assert world.http.get(f"/identity/continue?flow={flow}").status_code == 404


def test_two_clients_of_a_sector_see_one_subject_and_others_another(world: World) -> None:
    """D5."""
    clients = {"first": "a.example", "second": "a.example", "third": "b.example"}
    for client_id, sector in clients.items():
        world.register(client_id, sector=sector)
    world.sign_in()
    subjects = []
    for client_id in clients:
        bearer = world.tokens(client_id=client_id)["access_token"]
        answer = world.http.get(f"{OIDC}/userinfo", headers={"Authorization": f"Bearer {bearer}"})
        subjects.append(answer.json()["sub"])
    assert subjects[0] == subjects[1] != subjects[2]
    assert all(UUID(subject) for subject in subjects)


def _view(world: World, flow_id: UUID) -> flows.FlowView:
    with world.database.transaction() as session:
        return flows.get_flow(session, flow_id, clock.now())


def test_one_network_begins_only_so_many_sign_ins_a_minute(scot: World) -> None:
    """Each of them writes a row, although nobody is known yet."""
    app = scot.http.app.routes[-1].app  # type: ignore[attr-defined]  # the pages' own app
    app.state.provider.visitors = ClientLimits(2)
    for _ in range(2):
        begin(scot)
    refused = scot.authorize(SCOT, client_id="sandboxscot01")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert 'id="oidc-wait"' in refused.text
    assert scot.scalar("SELECT count(*) FROM flow") == 2
    scot.sign_in()
    assert scot.code(SCOT, client_id="sandboxscot01", scope="openid")
