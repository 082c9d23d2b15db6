import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from identity.client_console.tasks import end_trial
from shared import clock
from shared.outbox import Job
from tests.identity.console.office import BODY, Office
from tests.identity.oidc.world import OIDC
from tests.identity.people import text_of
from tests.support.outside import Outside


def begin(office: Office, client_id: str) -> str:
    """Start a test and return the address at the provider."""
    page = office.developer.post(f"{BODY}/clients/{client_id}/trials")
    assert page.status_code == 200, page.text
    found = re.search(r'href="([^"]+)" id="go"', page.text)
    assert found is not None, page.text
    return found[1].replace("&amp;", "&")


def through(office: Office, address: str) -> Any:
    """Follow the browser until the test's own callback, as a test person who agrees to all."""
    who = office.developer
    answer = who.get(f"{address}&login_hint=verified")
    for _ in range(9):
        place = answer.headers.get("location", "")
        if "/trial-callback" in place:
            return who.get(place)
        if "/identity/consent" in place:
            flow = re.search(r"flow=([0-9a-f-]+)", place)
            assert flow is not None
            page = who.get(place)
            fields = dict.fromkeys(re.findall(r'type="radio"[^>]*name="([^"]+)"', page.text), "yes")
            answer = who.post(place, **fields)
        else:
            answer = who.get(place)
    raise AssertionError(answer.text)


def test_a_test_sign_in_shows_what_the_service_would_get(office: Office) -> None:
    client_id = office.client(office.service())
    assert "Start the test" in office.developer.get(f"{BODY}/clients/{client_id}/trials").text
    address = begin(office, client_id)
    assert address.startswith(f"{OIDC}/authorize?client_id=")
    back = through(office, address)
    assert back.status_code == 303, back.text
    page = office.developer.get(back.headers["location"])
    shown = text_of(page)
    assert "The sign-in works" in shown
    assert re.search(r"\bemail [^ ]+@[^ ]+\.example\b", shown), shown
    assert "The number of this person at your service" in shown
    assert office.owner.get(back.headers["location"]).status_code == 404
    assert office.world.scalar("SELECT count(*) FROM relying_party") == 1
    assert office.world.scalar("SELECT count(*) FROM remembered_consent") == 0
    assert "dougal@" not in str(office.world.scalar("SELECT result_sealed::text FROM client_trial"))


def test_the_copy_sees_the_same_subject_as_the_client(office: Office) -> None:
    client_id = office.client(office.service())
    back = through(office, begin(office, client_id))
    shown = text_of(office.developer.get(back.headers["location"]))
    found = re.search(r"\bsub ([0-9a-f-]{36})", shown)
    assert found is not None
    real = office.developer.get(
        f"{OIDC}/authorize?client_id={client_id}&redirect_uri=https%3A%2F%2Ftax.strathclachan.example"
        "%2Fcallback&response_type=code&scope=openid&code_challenge="
        + "a" * 43
        + "&code_challenge_method=S256"
    )
    assert "code=" in real.headers["location"]
    assert (
        office.world.scalar("SELECT subject FROM authorisation ORDER BY created_at DESC LIMIT 1")
        == found[1]
    )


def test_a_test_that_was_refused_is_explained(office: Office) -> None:
    client_id = office.client(office.service())
    address = begin(office, client_id)
    state = re.search(r"state=([^&]+)", address)
    assert state is not None
    callback = "/identity/console/trial-callback"
    query = f"?error=invalid_scope&error_description=Nothing&state={state[1]}"
    back = office.developer.get(callback + query)
    shown = text_of(office.developer.get(back.headers["location"]))
    assert "The test stopped" in shown
    assert "not registered for it" in shown


def test_an_answer_counts_once_and_for_its_own_person(office: Office) -> None:
    client_id = office.client(office.service())
    address = begin(office, client_id)
    state = re.search(r"state=([^&]+)", address)
    assert state is not None
    callback = f"/identity/console/trial-callback?error=x&state={state[1]}"
    assert office.owner.get(callback).status_code == 404
    assert office.developer.get(callback).status_code == 303
    assert office.developer.get(callback).status_code == 404


def test_an_abandoned_copy_is_taken_away(office: Office) -> None:
    client_id = office.client(office.service())
    address = begin(office, client_id)
    world = office.world
    copy = re.search(r"client_id=([a-z0-9]+)", urlsplit(address).query)
    assert copy is not None
    assert world.scalar("SELECT count(*) FROM relying_party") == 2
    due = world.scalar(
        "SELECT due_at - now() FROM outbox WHERE topic = 'identity.client_console.end_trial'"
    )
    assert isinstance(due, timedelta)
    assert due < timedelta(minutes=31)
    row = world.scalar("SELECT id FROM outbox WHERE topic = 'identity.client_console.end_trial'")
    world.execute("UPDATE outbox SET attempt = 1 WHERE id = :id", id=row)
    end_trial(Job(int(str(row)), "t", {"companion_id": copy[1]}, 1, world.database, world.settings))
    assert world.scalar("SELECT count(*) FROM relying_party") == 1
    assert (
        world.scalar("SELECT count(*) FROM relying_party WHERE client_id = :id", id=client_id) == 1
    )


def test_live_clients_are_not_tested(office: Office) -> None:
    client_id = office.client(office.service())
    office.world.execute("UPDATE console_client SET environment = 'live'")
    assert office.developer.post(f"{BODY}/clients/{client_id}/trials").status_code == 409


def test_a_configuration_is_checked_against_the_world(office: Office, outside: Outside) -> None:
    key_set = str({"keys": []}).replace("'", '"')
    client_id = office.client(office.service(), redirect_uris="http://localhost:3000/callback")
    page = text_of(office.developer.post(f"{BODY}/clients/{client_id}/check"))
    assert "your own computer" in page
    assert "registered and strong enough" in page
    assert "not told when people sign out" in page
    address = outside.serve("/jwks.json", key_set)
    now = clock.now()
    office.world.execute(
        "UPDATE relying_party SET options = options"
        " || jsonb_build_object('jwks_uri', cast(:a AS text)),"
        " redirect_uris = ARRAY[cast(:r AS text)], updated_at = :now WHERE client_id = :id",
        a=address,
        r=f"{outside.url}/callback",
        now=now,
        id=client_id,
    )
    page = text_of(office.developer.post(f"{BODY}/clients/{client_id}/check"))
    assert "serves no key" in page
    outside.replies.clear()
    page = text_of(office.developer.post(f"{BODY}/clients/{client_id}/check"))
    assert "cannot be read" in page
