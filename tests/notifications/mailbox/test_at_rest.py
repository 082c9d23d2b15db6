"""What a stolen copy of the tables tells: nothing that was written to or about a person."""

from uuid import uuid4

import psycopg
import pytest

from notifications.sealing.vault import OwnerKey
from shared.crypto import SealBrokenError
from tests.conftest import Cluster
from tests.notifications.conftest import Deliver, Service, code_email

SECRETS = (
    *("morag.fictional", "Morag", "914207", "attempt-778899", "heating", "decision about"),
    *("Strathclachan Council", "winter grant", "£250", "Invented Street", "ZZ1", "SWH-7K3M"),
    *("We decided", "%PDF"),
)


def _dump(cluster: Cluster) -> bytes:
    found = b""
    with psycopg.connect(cluster.admin_url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'notifications'"
        ).fetchall()
        for (table,) in tables:
            query = f"COPY (SELECT * FROM notifications.{table}) TO STDOUT WITH (FORMAT binary)"
            with connection.cursor().copy(query.encode()) as copy:
                found += b"".join(bytes(part) for part in copy)
    return found


def test_no_table_holds_a_persons_words(
    service: Service, deliver: Deliver, cluster: Cluster
) -> None:
    service.client.post(
        "/notifications/v1/messages", json=code_email(), headers=service.headers("messages.send")
    )
    message_id = deliver(tell_opened=True)
    service.sign_in("sub-morag")
    service.client.get(f"/notifications/mailbox/{message_id}/letter.pdf")
    dump = _dump(cluster)
    assert b"sub-morag" in dump, "the dump sees what is there"
    assert not [secret for secret in SECRETS if secret.encode() in dump]


def test_a_value_opens_in_its_own_place_only() -> None:
    owner, record = uuid4(), uuid4()
    key = OwnerKey(b"k" * 32, owner)
    sealed = key.seal(b"words", "letter.head", record)
    assert key.open(sealed, "letter.head", record) == b"words"
    for wrong in (
        lambda: key.open(sealed, "letter.content", record),
        lambda: key.open(sealed, "letter.head", uuid4()),
        lambda: OwnerKey(b"k" * 32, uuid4()).open(sealed, "letter.head", record),
        lambda: OwnerKey(b"x" * 32, owner).open(sealed, "letter.head", record),
        lambda: key.open(sealed[:-1] + b"!", "letter.head", record),
        lambda: key.open(b"", "letter.head", record),
    ):
        with pytest.raises(SealBrokenError):
            wrong()


def test_the_record_of_a_letter_cannot_be_changed(service: Service, deliver: Deliver) -> None:
    deliver()
    for statement in ("UPDATE mailbox_event SET event = 'x'", "DELETE FROM mailbox_event"):
        with (
            pytest.raises(Exception, match="permission denied"),
            service.database.transaction() as session,
        ):
            session.connection().exec_driver_sql(statement)
