import pytest

from identity.accounts.queries import get_profile
from identity.accounts.vault import open_vault
from shared.crypto import SealBrokenError, Sealer
from shared.db import Database
from shared.ids import new_id
from tests.identity.people import People


def test_the_key_is_made_once_and_is_the_same_in_every_process(
    identity_database: Database, sealer: Sealer
) -> None:
    first = open_vault(identity_database, sealer)
    open_vault.cache_clear()
    second = open_vault(identity_database, sealer)
    assert first.lookup_key == second.lookup_key
    assert first.email_index("a@b.example") == second.email_index("a@b.example")


def test_a_sealed_value_opens_for_its_owner_only(
    identity_database: Database, sealer: Sealer
) -> None:
    vault, owner = open_vault(identity_database, sealer), new_id()
    sealed = vault.seal("Ann", "account.display_name", owner)
    assert vault.open(sealed, "account.display_name", owner) == "Ann"
    for record, other in (("account.display_name", new_id()), ("account.email", owner)):
        with pytest.raises(SealBrokenError):
            vault.open(sealed, record, other)


def test_no_table_holds_an_address_code_or_password(people: People) -> None:
    people.sign_up("ann@person.example")
    people.send("/identity/create-account", email="bob@person.example", password="x y z 123 word")
    code = people.newest_code()
    with people.world.database.transaction() as session:
        profile = get_profile(session, people.account_id(), people.world.sealer)
        assert profile is not None
        assert profile.email == "ann@person.example"
        tables = session.connection().exec_driver_sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'identity'"
        )
        dump = "".join(
            str(session.connection().exec_driver_sql(f"SELECT t::text FROM {name} t").all())
            for (name,) in tables.all()
        )
    cookie = people.http.cookies["clachan-session"]
    assert "account.created" in dump
    for secret in ("ann@person", "bob@person", f'"{code}"', "x y z 123 word", cookie):
        assert secret not in dump
        assert secret.encode().hex() not in dump
