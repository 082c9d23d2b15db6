import re

import pytest

from identity.oidc.actions import forget_expired
from identity.relying_parties.queries import get_client
from identity.relying_parties.rules import RelyingParty
from shared import clock
from tests.identity.console.office import BODY, CALLBACK, Office, answers, pem
from tests.identity.oidc.world import OIDC, answer_of, ec_key, rsa_key
from tests.identity.people import text_of


def party(office: Office, client_id: str) -> RelyingParty:
    with office.world.database.transaction() as session:
        found = get_client(session, client_id)
    assert found is not None
    return found


def test_a_client_is_registered_question_by_question_and_signs_people_in(office: Office) -> None:
    service = office.service()
    client_id = office.client(service)
    made = party(office, client_id)
    assert (made.organisation, made.profile, made.auth_method) == (
        "strathclachan",
        "oidc",
        "private_key_jwt",
    )
    assert made.options.environment == "sandbox"
    assert made.options.service_id == str(service)
    assert made.options.contacts == ("web@strathclachan.example",)
    assert made.scopes == ("openid", "email")
    world = office.world
    # A client of the sandbox signs test persons in, never real ones.
    asked = world.authorize(client_id=client_id, redirect_uri=CALLBACK, login_hint="verified")
    for _ in range(5):
        if asked.headers["location"].startswith(CALLBACK):
            break
        asked = world.http.get(asked.headers["location"])
    code = answer_of(asked)["code"]
    answer = world.redeem(code, client_id=client_id, redirect_uri=CALLBACK)
    assert answer.status_code == 200, answer.text


def test_the_page_of_a_client_shows_what_its_software_needs(office: Office) -> None:
    client_id = office.client(office.service())
    page = office.viewer.get(f"{BODY}/clients/{client_id}")
    assert page.status_code == 200
    for expected in (client_id, OIDC, "openid-client", "Spring", "To send the bill", "Registered"):
        assert expected in page.text
    env = office.viewer.get(f"{BODY}/clients/{client_id}/env")
    assert f"OIDC_CLIENT_ID={client_id}\n" in env.text
    assert f"OIDC_REDIRECT_URI={CALLBACK}\n" in env.text
    assert "attachment" in env.headers["content-disposition"]


def test_a_form_sent_twice_registers_one_client(office: Office) -> None:
    service = office.service()
    who = office.developer
    started = who.post(f"{BODY}/services/{service}/clients/sandbox")
    draft = started.headers["location"].rpartition("/")[0]
    for question, values in answers().items():
        assert who.post(f"{draft}/{question}", **values).status_code == 303
    assert who.post(draft).status_code == 200
    assert who.post(draft).status_code == 404
    assert office.world.scalar("SELECT count(*) FROM console_client") == 1


def test_questions_that_are_not_answered_cannot_be_skipped(office: Office) -> None:
    service = office.service()
    who = office.developer
    started = who.post(f"{BODY}/services/{service}/clients/sandbox")
    draft = started.headers["location"].rpartition("/")[0]
    who.post(f"{draft}/name", name="Council tax", landing_page="")
    assert who.get(draft).headers["location"].endswith("/software")
    answer = who.post(draft)
    assert answer.headers["location"].endswith("/software")
    assert office.world.scalar("SELECT count(*) FROM relying_party") == 0


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "Enter a name"),
        ("name", "<b>", "letters, digits and blanks"),
        ("profile", "nonsense", "Choose what your service works with"),
        ("redirect_uris", "", "Enter at least one address"),
        ("redirect_uris", "http://tax.strathclachan.example/", "begin with https"),
        ("redirect_uris", "https://*.strathclachan.example/", "must not have # or *"),
        ("redirect_uris", "https://a@b.example/", "user name"),
        ("redirect_uris", "javascript:alert(1)", "whole addresses"),
        ("post_logout_uris", "https://x.example/#a", "must not have # or *"),
        ("backchannel_logout_uri", "ftp://x.example/", "begin with https"),
        ("keys", "", "Paste at least one public key"),
        ("keys", "{not json", "cannot be read"),
        ("keys", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read"),
        ("credential", "nothing", "Choose how your service proves"),
        ("jwks_uri", "https://x.example/#k", "must not have # or *"),
        ("purpose__email", "", "Say what you need this for"),
        ("contacts", "nobody", "right format"),
        ("contacts", "", "Enter at least one email address"),
    ],
    ids=lambda value: re.sub(r"\W+", "_", str(value))[:24],
)
def test_a_wrong_answer_is_explained_and_nothing_is_registered(
    office: Office, field: str, value: str, message: str
) -> None:
    changes: dict[str, object] = {field: value}
    if field == "jwks_uri":
        changes["credential"] = "jwks_uri"
    answer = office.register(office.service(), **changes)
    assert answer.status_code == 422
    assert message in answer.text
    assert "<title>Error: " in answer.text.replace("\n", "")
    assert office.world.scalar("SELECT count(*) FROM relying_party") == 0


def test_a_private_key_is_refused_and_kept_nowhere(office: Office) -> None:
    private = ec_key().as_pem(private=True).decode()
    answer = office.register(office.service(), keys=private)
    assert answer.status_code == 422
    assert "This is a private key" in answer.text
    assert "BEGIN PRIVATE" not in answer.text
    kept = str(office.world.scalar("SELECT answers FROM client_draft"))
    assert "PRIVATE" not in kept


def test_keys_come_as_pem_jwk_and_key_set(office: Office) -> None:
    service = office.service()
    for number, pasted in enumerate(
        (
            pem(ec_key()) + pem(ec_key(number=1)),
            str(ec_key().as_dict(private=False)).replace("'", '"'),
            '{"keys": [' + str(ec_key().as_dict(private=False)).replace("'", '"') + "]}",
            rsa_key(0).as_pem(private=False).decode(),
        )
    ):
        made = party(office, office.client(service, keys=pasted))
        assert len(made.keys) == (2 if number == 0 else 1)


def test_a_secret_is_shown_once_and_only_its_hash_is_kept(office: Office) -> None:
    answer = office.register(office.service(), credential="secret")
    found = re.search(r'id="client-secret"[^>]*>([^<]+)<', answer.text)
    client_id = re.search(r'id="fact-client_id">([a-z0-9]+)<', answer.text)
    assert found is not None
    assert client_id is not None
    secret = found[1]
    page = office.developer.get(f"{BODY}/clients/{client_id[1]}")
    assert secret not in page.text
    token = office.world.http.post(
        f"{OIDC}/token",
        data={"grant_type": "authorization_code", "code": "x", "redirect_uri": CALLBACK},
        auth=(client_id[1], secret),
    )
    assert token.json()["error"] == "invalid_grant"
    renewed = office.developer.post(f"{BODY}/clients/{client_id[1]}/secret")
    assert "client-secret" in renewed.text
    assert secret not in renewed.text


def test_keys_change_over_and_the_last_one_stays(office: Office) -> None:
    client_id = office.client(office.service())
    who, path = office.developer, f"{BODY}/clients/{client_id}/keys"
    assert who.post(path, keys=pem(ec_key(number=1))).status_code == 303
    assert len(party(office, client_id).keys) == 2
    again = who.post(path, keys=pem(ec_key(number=1)))
    assert again.status_code == 422
    old = ec_key().thumbprint()
    assert who.post(f"{path}/remove", kid=old).status_code == 303
    left = party(office, client_id).keys
    assert [key.thumbprint() for key in left] == [ec_key(number=1).thumbprint()]
    last = who.post(f"{path}/remove", kid=left[0].kid)
    assert last.status_code == 422
    assert "only key" in last.text
    assert len(party(office, client_id).keys) == 1


def test_a_change_keeps_the_sector_and_stands_in_the_history(office: Office) -> None:
    client_id = office.client(office.service())
    before = party(office, client_id)
    who = office.developer
    started = who.post(f"{BODY}/clients/{client_id}/edit/redirects")
    draft = started.headers["location"].rpartition("/")[0]
    moved = "https://pay.strathclachan.example/callback"
    assert who.post(f"{draft}/redirects", redirect_uris=moved).headers["location"] == draft
    assert "You changed:" in who.get(draft).text
    done = who.post(draft)
    assert done.headers["location"] == f"{BODY}/clients/{client_id}?done=saved"
    after = party(office, client_id)
    assert after.redirect_uris == (moved,)
    assert after.sector == before.sector
    assert after.keys[0].thumbprint() == before.keys[0].thumbprint()
    history = text_of(who.get(f"{BODY}/clients/{client_id}")).partition("History")[2]
    assert "Changed: Where people come back to" in history
    assert "Dougal" in history


def test_a_client_that_is_switched_off_does_not_exist_for_the_protocol(office: Office) -> None:
    client_id = office.client(office.service())
    who = office.developer
    assert who.get(f"{BODY}/clients/{client_id}/switch").status_code == 200
    assert who.post(f"{BODY}/clients/{client_id}/switch", to="off").status_code == 303
    assert party(office, client_id).options.disabled_by == "staff"
    refused = office.world.authorize(client_id=client_id, redirect_uri=CALLBACK)
    assert refused.status_code == 400
    who.post(f"{BODY}/clients/{client_id}/switch", to="on")
    assert party(office, client_id).options.disabled_by == ""


def test_live_needs_an_operator_https_and_other_keys(office: Office) -> None:
    service = office.service()
    client_id = office.client(service)
    who = office.developer
    early = who.post(f"{BODY}/services/{service}/clients/live")
    assert early.status_code == 409
    unsure = who.post(f"{BODY}/services/{service}/live", note="Tried it")
    assert unsure.status_code == 422
    asked = who.post(f"{BODY}/services/{service}/live", note="Tried it", agreed="yes")
    assert asked.status_code == 303
    assert "Council tax" in office.operator.get("/identity/console/operations").text
    decided = office.operator.post(
        f"/identity/console/operations/services/{service}", decision="approve"
    )
    assert decided.status_code == 303
    same = office.register(service, "live")
    assert same.status_code == 422
    assert "other keys than in the sandbox" in same.text
    local = office.register(service, "live", redirect_uris="http://localhost:3000/callback")
    assert local.status_code == 422
    live = office.client(service, "live", keys=pem(ec_key(number=2)))
    assert party(office, live).options.environment == "live"
    copied = who.post(f"{BODY}/clients/{client_id}/live")
    assert who.get(copied.headers["location"]).headers["location"].endswith("/redirects")


def test_drafts_are_forgotten(office: Office) -> None:
    service = office.service()
    office.developer.post(f"{BODY}/services/{service}/clients/sandbox")
    later = clock.now().replace(year=clock.now().year + 1)
    with office.world.database.transaction() as session:
        forget_expired(session, later)
    assert office.world.scalar("SELECT count(*) FROM client_draft") == 0
