"""Every page of the console by every kind of caller."""

import re

import pytest

from shared.web.form_token import FIELD
from tests.contracts.house import Door, Service
from tests.identity.console.office import CALLBACK, Office

CALLERS = ("citizen", "neighbour", "viewer", "developer", "owner", "operator")
NOBODY: frozenset[str] = frozenset()
OWNERS = frozenset({"owner"})
DEVELOPERS = frozenset({"owner", "developer"})
READERS = frozenset({"owner", "developer", "viewer", "operator"})
OPERATORS = frozenset({"operator"})
EVERYBODY = frozenset(CALLERS)


def who_may(door: Door) -> frozenset[str]:
    """Return who passes a page, by what the page asks for."""
    asked = [name for name in door.asks if name.startswith("require_")]
    if "require_operator" in asked:
        return OPERATORS
    if "require_owner" in asked:
        return OWNERS
    if "require_owner_or_developer" in asked:
        return DEVELOPERS
    return READERS if "require_member" in asked else EVERYBODY


def test_each_caller_passes_only_where_their_roles_reach(office: Office) -> None:
    service = office.service()
    client_id = office.client(service)
    started = office.developer.post(
        f"/identity/console/strathclachan/services/{service}/clients/sandbox"
    )
    draft = started.headers["location"].split("/")[-2]
    values = {
        "body": "strathclachan",
        "service": str(service),
        "client": client_id,
        "draft": draft,
        "question": "name",
        "environment": "sandbox",
        "account": str(office.viewer.account_id),
        "invitation": draft,
        "trial": draft,
        "domain": "council.example",
    }
    doors = [
        door
        for door in Service("identity", office.world.http.app, office.world.settings).doors(  # type: ignore[arg-type]  # the test client holds our own app
            of_api=False
        )
        if door.path.startswith("/identity/console")
    ]
    assert len(doors) > 60
    wrong = []
    for door in doors:
        if door.method != "GET":
            continue
        path = re.sub(r"\{(\w+)[^}]*\}", lambda found: values[found[1]], door.path)
        for name in CALLERS:
            answer = getattr(office, name).get(path)
            refused = answer.status_code in (403, 404) and "may not be there" not in path
            may = name in who_may(door)
            # A public page and what was never begun say 404 to everybody.
            if "trial" in door.path.rpartition("/")[2] or door.path.endswith("/invitation"):
                continue
            if answer.status_code >= 500 or may == refused:
                wrong.append((name, door.path, answer.status_code))
    assert not wrong


@pytest.mark.parametrize("name", ["citizen", "neighbour", "viewer"])
def test_forms_of_those_without_the_role_change_nothing(office: Office, name: str) -> None:
    service = office.service()
    client_id = office.client(service)
    who = getattr(office, name)
    before = office.world.scalar("SELECT count(*) FROM audit_event")
    base = "/identity/console/strathclachan"
    operations = "/identity/console/operations"
    for path, fields in (
        ("/settings", {"name": "Another", "kind": "council"}),
        ("/staff/invite", {"email": "a@b.example", "roles": ["identity.owner"]}),
        (f"/staff/{who.account_id}", {"roles": ["identity.owner"]}),
        (f"/staff/{office.viewer.account_id}/remove", {}),
        ("/services/new", {"name": "Other", "purpose": "Other"}),
        (f"/services/{service}/edit", {"name": "Other", "purpose": "Other"}),
        (f"/services/{service}/live", {"note": "x", "agreed": "yes"}),
        (f"/services/{service}/clients/sandbox", {}),
        (f"/clients/{client_id}/switch", {"to": "off"}),
        (f"/clients/{client_id}/edit/redirects", {"redirect_uris": CALLBACK}),
        (f"/clients/{client_id}/keys", {"keys": "x"}),
        (f"/clients/{client_id}/secret", {}),
        (f"/clients/{client_id}/check", {}),
        (f"/clients/{client_id}/trials", {}),
        ("/sign-on/provider", {"shape": "plain"}),
        ("/sign-on/domains", {"domain": "council.example"}),
        ("/sign-on/switch", {"state": "enforced"}),
    ):
        assert who.post(base + path, **fields).status_code in (403, 404), path
    for path in ("/bodies/strathclachan", f"/services/{service}"):
        assert who.post(operations + path, decision="approve").status_code == 404
    # Only the owner's and viewer's accounts may have been made meanwhile.
    made = office.world.scalar(
        "SELECT count(*) FROM audit_event WHERE action NOT IN"
        " ('account.created', 'session.started', 'staff.roles_set')"
    )
    assert made is not None
    assert int(str(made)) <= int(str(before))


def test_one_factor_is_not_enough(office: Office) -> None:
    who = office.owner
    office.world.execute("UPDATE sign_in_session SET level = 'low'")
    answer = who.get("/identity/console")
    assert answer.status_code == 403
    assert "two factors" in answer.text


def test_a_form_without_its_token_is_refused(office: Office) -> None:
    answer = office.owner.http.post(
        "/identity/console/strathclachan/settings", data={FIELD: "0", "name": "x"}
    )
    assert answer.status_code == 403
