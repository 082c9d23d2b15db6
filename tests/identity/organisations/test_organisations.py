import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.accounts.passwords import hash_password, matches
from identity.accounts.queries import find_credentials, get_profile
from identity.accounts.settings import PeopleSettings
from identity.accounts.vault import Vault
from identity.organisations.actions import set_staff_roles
from identity.organisations.commands import check_demo, seed_people
from identity.organisations.queries import get_organisation_name, list_staff_roles
from identity.organisations.rules import check_roles, check_slug
from shared import clock
from shared.actors import SYSTEM
from shared.crypto import Sealer
from shared.errors import Forbidden, Invalid

NOW = clock.now()


@pytest.fixture
def vault(sealer: Sealer) -> Vault:
    return Vault(sealer, b"k" * 32)


@pytest.mark.parametrize("slug", ["", "ab", "Strath", "1council", "a b c", "council-", "x" * 41])
def test_a_bad_slug_is_refused(slug: str) -> None:
    with pytest.raises(Invalid):
        check_slug(slug)


@pytest.mark.parametrize(
    "roles",
    [[], ["payments.owner"], ["payments.uploader", "payments.approver"]],
)
def test_bad_roles_are_refused(roles: list[str]) -> None:
    with pytest.raises(Invalid):
        check_roles(roles)


def test_the_demonstration_is_seeded_once(identity_session: Session, vault: Vault) -> None:
    word = hash_password("a demonstration password")
    for _ in range(2):
        seed_people(identity_session, vault, word, NOW)
    count = identity_session.execute(text("SELECT count(*) FROM account")).scalar_one()
    assert count == 16
    assert get_organisation_name(identity_session, "strathclachan") == "Strathclachan Council"
    found = find_credentials(identity_session, vault.email_index("approver@strathclachan.example"))
    assert found is not None
    assert matches(found.password_hash, "a demonstration password")
    assert list_staff_roles(identity_session, found.account_id) == [
        {
            "organisation": "strathclachan",
            "roles": ["payments.approver", "payments.enquiry", "payments.payee_approver"],
        }
    ]
    profile = get_profile(identity_session, found.account_id, vault.sealer)
    assert profile is not None
    assert profile.display_name == "Alasdair Approver"


def test_nobody_of_the_demonstration_both_uploads_and_approves(
    identity_session: Session, vault: Vault
) -> None:
    seed_people(identity_session, vault, "hash", NOW)
    both = identity_session.execute(
        text(
            "SELECT count(*) FROM staff_member"
            " WHERE roles @> ARRAY['payments.uploader', 'payments.approver']"
        )
    ).scalar_one()
    assert both == 0
    found = find_credentials(identity_session, vault.email_index("uploader@glenmore.example"))
    assert found is not None
    with pytest.raises(Invalid):
        set_staff_roles(
            identity_session,
            SYSTEM,
            account_id=found.account_id,
            organisation="glenmore",
            roles=["payments.uploader", "payments.approver"],
            now=NOW,
        )
    assert list_staff_roles(identity_session, found.account_id)[0]["roles"] == [
        "payments.enquiry",
        "payments.uploader",
    ]


def test_the_demonstration_is_refused_in_production_and_without_a_password() -> None:
    with pytest.raises(ValueError, match="development only"):
        PeopleSettings(environment="production", demo_password="x")
    for environment in ("production", "development"):
        settings = PeopleSettings(environment=environment, demo_password="", document_check_key="k")  # type: ignore[arg-type]  # a double, or a value that the test chose
        with pytest.raises(Forbidden):
            check_demo(settings)
