import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from identity.accounts import tasks as account_tasks
from identity.organisations.queries import get_roles, list_staff_roles
from identity.staff import tasks as staff_tasks
from identity.staff.actions import accept, change_roles, remove_member
from shared import clock, outbox
from shared.actors import SYSTEM
from shared.clients.notifications import SentMessage
from shared.errors import Conflict, NotFound
from tests.identity.console.office import BODY, CONSOLE, Colleague, Office
from tests.identity.people import text_of

# Importing the module is what registers its handler.
assert staff_tasks.send_invitation


def roles_of(office: Office, who: Colleague) -> set[str]:
    with office.world.database.transaction() as session:
        return set(get_roles(session, who.account_id, "strathclachan"))


def invitation_of(office: Office) -> str:
    return str(office.world.scalar("SELECT id FROM invitation ORDER BY created_at DESC LIMIT 1"))


def mail(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Run what waits and return what was mailed."""
    sent: list[dict[str, object]] = []

    class Post:
        def send_email(self, **words: object) -> SentMessage:
            sent.append(words)
            return SentMessage("id", "accepted")

    world = office.world
    monkeypatch.setitem(account_tasks._CLIENTS, id(world.settings), Post())  # type: ignore[arg-type]  # a double, or a value that the test chose
    job = world.scalar("SELECT max(id) FROM outbox WHERE topic LIKE 'identity.staff.%'")
    outbox.run(world.database, world.settings, int(str(job)), "identity.staff.send_invitation")
    return sent


def test_somebody_is_invited_signs_in_and_joins(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    newcomer = office.citizen
    asked = office.owner.post(
        f"{BODY}/staff/invite", email=newcomer.email, roles=["identity.developer"]
    )
    assert asked.status_code == 303, asked.text
    (sent,) = mail(office, monkeypatch)
    assert sent["to"] == newcomer.email
    link = str(dict(sent["personalisation"])["link"])  # type: ignore[call-overload]  # another shape would fail the test
    path = link.removeprefix("http://localhost:8000")
    assert office.world.scalar("SELECT token_sealed FROM invitation") is None
    assert path.partition("token=")[2] not in str(
        office.world.scalar("SELECT token_hash::text FROM invitation")
    )
    stranger = office.browser().get(path)
    assert "Strathclachan Council invites you" in stranger.text
    assert "/accept" not in stranger.text
    assert "signed in with another address" in office.neighbour.get(path).text
    assert "/accept" in newcomer.get(path).text
    joined = newcomer.post(f"{CONSOLE}/invitations/{invitation_of(office)}/accept")
    assert joined.headers["location"] == f"{BODY}?done=joined"
    assert roles_of(office, newcomer) == {"identity.developer"}
    assert newcomer.get(BODY).status_code == 200
    assert newcomer.get(path).status_code == 404
    again = newcomer.post(f"{CONSOLE}/invitations/{invitation_of(office)}/accept")
    assert again.status_code == 404


def test_an_invitation_is_for_its_own_address_only(office: Office) -> None:
    office.owner.post(f"{BODY}/staff/invite", email=office.citizen.email, roles=["identity.owner"])
    thief = office.neighbour.post(f"{CONSOLE}/invitations/{invitation_of(office)}/accept")
    assert thief.status_code == 404
    assert roles_of(office, office.neighbour) == set()
    assert office.world.scalar("SELECT accepted_at FROM invitation") is None


def test_an_invitation_that_was_withdrawn_or_ran_out_is_over(office: Office) -> None:
    who = office.citizen
    office.owner.post(f"{BODY}/staff/invite", email=who.email, roles=["identity.viewer"])
    first = invitation_of(office)
    office.owner.post(f"{BODY}/invitations/{first}/withdraw")
    assert who.post(f"{CONSOLE}/invitations/{first}/accept").status_code == 404
    office.owner.post(f"{BODY}/staff/invite", email=who.email, roles=["identity.viewer"])
    second = invitation_of(office)
    assert second != first
    office.world.execute("UPDATE invitation SET valid_until = now() - interval '1 minute'")
    assert who.post(f"{CONSOLE}/invitations/{second}/accept").status_code == 404
    assert office.owner.post(f"{BODY}/invitations/{second}/resend").status_code == 303
    assert who.post(f"{CONSOLE}/invitations/{second}/accept").status_code == 303


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"email": "nobody", "roles": ["identity.viewer"]}, "right format"),
        ({"email": "a@b.example", "roles": []}, "Choose at least one role"),
        ({"email": "a@b.example", "roles": ["platform.operator"]}, "runs the platform"),
        (
            {"email": "a@b.example", "roles": ["payments.uploader", "payments.approver"]},
            "both upload and approve",
        ),
        ({"email": "olive@strathclachan.example", "roles": ["identity.viewer"]}, "works for you"),
    ],
    ids=["address", "no_role", "operator", "apart", "member"],
)
def test_a_wrong_invitation_is_explained(
    office: Office, fields: dict[str, object], message: str
) -> None:
    answer = office.owner.post(f"{BODY}/staff/invite", **fields)
    assert answer.status_code == 422
    assert message in answer.text
    assert office.world.scalar("SELECT count(*) FROM invitation") == 0


def test_roles_change_at_once_and_a_body_keeps_an_owner(office: Office) -> None:
    owner, developer = office.owner, office.developer
    path = f"{BODY}/staff/{developer.account_id}"
    assert "Dougal" in owner.get(path).text
    assert owner.post(path, roles=["identity.viewer"]).status_code == 303
    assert developer.get(f"{BODY}/services/new").status_code == 403
    own = owner.post(f"{BODY}/staff/{owner.account_id}", roles=["identity.viewer"])
    assert own.status_code == 422
    assert "only owner" in own.text
    gone = owner.post(f"{BODY}/staff/{owner.account_id}/remove")
    assert gone.status_code == 409
    assert roles_of(office, owner) == {"identity.owner"}
    assert owner.get(f"{path}/remove").status_code == 200
    assert owner.post(f"{path}/remove").status_code == 303
    assert developer.get(BODY).status_code == 404
    assert "staff.removed" in str(
        office.world.scalar(
            "SELECT string_agg(action, ' ') FROM audit_event WHERE actor_name = 'Olive'"
        )
    )


def at_once(office: Office, works: list[Callable[[object], object]]) -> list[object]:
    """Run everything at the same moment, each in its own transaction."""
    gate = Barrier(len(works))

    def run(work: Callable[[object], object]) -> object:
        with office.world.database.transaction() as session:
            session.connection()
            gate.wait()
            try:
                return work(session)
            except (Conflict, NotFound) as refused:
                session.rollback()
                return refused.code

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_of_sixteen_simultaneous_acceptances_one_counts(office: Office) -> None:
    who = office.citizen
    office.owner.post(f"{BODY}/staff/invite", email=who.email, roles=["identity.viewer"])
    from_form = invitation_of(office)
    works = [
        lambda session: accept(session, SYSTEM, who.account_id, from_form, clock.now())  # type: ignore[arg-type]  # a double, or a value that the test chose
    ] * 16
    results = at_once(office, works)
    assert sorted(map(str, results)) == ["invitation_unknown"] * 15 + ["strathclachan"]


def test_two_owners_cannot_remove_each_other_at_once(office: Office) -> None:
    first, second = office.owner, office.person("orla", "identity.owner")
    works = [
        lambda session: remove_member(session, SYSTEM, "strathclachan", first.account_id),  # type: ignore[arg-type]  # a double, or a value that the test chose
        lambda session: change_roles(  # type: ignore[arg-type]  # a double, or a value that the test chose
            session, SYSTEM, "strathclachan", second.account_id, ["identity.viewer"], clock.now()
        ),
    ]
    results = at_once(office, works)
    assert sorted(map(str, results)) == ["None", "last_owner"]


def test_staff_are_found_by_name_and_address_page_by_page(office: Office) -> None:
    for number in range(30):
        office.person(f"colleague{number:02}", "identity.viewer")
    page = office.viewer.get(f"{BODY}/staff")
    assert "31 people" in text_of(page)
    assert "page=2" in page.text
    found = office.viewer.get(
        f"{BODY}/staff",
    )
    assert found.status_code == 200
    found = office.viewer.get(f"{BODY}/staff?q=COLLEAGUE07")
    assert "1 person" in text_of(found)


def test_a_body_that_applied_has_no_roles_until_it_is_approved(office: Office) -> None:
    who = office.citizen
    wrong = who.post(f"{CONSOLE}/apply", name="Operations", kind="nonsense")
    assert wrong.status_code == 422
    sent = who.post(f"{CONSOLE}/apply", name="Inverfictional Council", kind="council")
    assert sent.headers["location"] == f"{CONSOLE}/inverfictional-council?done=applied"
    path = f"{CONSOLE}/inverfictional-council"
    assert "with the operators" in who.get(path).text
    assert who.get(f"{path}/services/new").status_code == 403
    with office.world.database.transaction() as session:
        assert list_staff_roles(session, who.account_id) == []
    assert "Inverfictional" in office.operator.get(f"{CONSOLE}/operations").text
    decide = f"{CONSOLE}/operations/bodies/inverfictional-council"
    assert office.operator.get(decide).status_code == 200
    assert office.operator.post(decide, decision="refuse").status_code == 422
    assert office.operator.post(decide, decision="approve").status_code == 303
    assert who.get(f"{path}/services/new").status_code == 200
    taken = office.neighbour.post(f"{CONSOLE}/apply", name="Inverfictional Council", kind="council")
    assert "here already" in taken.text


def test_a_suspended_body_loses_roles_and_clients_until_it_is_approved_again(
    office: Office,
) -> None:
    client_id = office.client(office.service())
    off_by_staff = office.client(office.service())
    office.developer.post(f"{BODY}/clients/{off_by_staff}/switch", to="off")
    decide = f"{CONSOLE}/operations/bodies/strathclachan"
    office.operator.post(decide, decision="suspend", reason="An invented reason")
    assert (
        office.world.scalar(
            "SELECT count(*) FROM relying_party WHERE options->>'disabled_by' = 'operator'"
        )
        == 1
    )
    assert office.developer.post(f"{BODY}/clients/{client_id}/switch", to="on").status_code == 403
    office.operator.post(decide, decision="approve")
    assert office.world.scalar(
        "SELECT array_agg(options->>'disabled_by') FROM relying_party WHERE options ? 'disabled_by'"
    ) == ["staff"]


def test_invitations_are_forgotten(office: Office) -> None:
    office.owner.post(f"{BODY}/staff/invite", email="a@b.example", roles=["identity.viewer"])
    kept = office.world.scalar("SELECT expires_at - created_at FROM invitation")
    assert kept == timedelta(days=30)
    assert re.match(r"[0-9a-f-]{36}", invitation_of(office))
