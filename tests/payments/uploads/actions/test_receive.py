"""A file comes in once, and nothing comes in that cannot be."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import text

from payments.uploads.actions.receive import SameBytes
from payments.uploads.rules import CHUNK_BYTES
from payments.uploads.storage import open_stored
from shared.errors import Invalid
from tests.payments.uploads.files import csv_of, rows, total
from tests.payments.uploads.world import LIMIT, Uploads

CONTENT = rows(3)
FILE = csv_of(CONTENT)


def test_of_many_at_once_one_is_taken(uploads: Uploads) -> None:
    def one(_number: int) -> str:
        try:
            return str(uploads.send(FILE, 3, total(CONTENT)))
        except SameBytes as same:
            return f"first {same.first.id}"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    won = [answer for answer in answers if not answer.startswith("first")]
    assert len(won) == 1
    assert answers.count(f"first {won[0]}") == 7
    assert uploads.count("upload") == 1
    assert uploads.count("upload_chunk") == 1
    assert uploads.count("outbox WHERE topic = 'payments.uploads.read'") == 1


def test_a_refused_file_may_come_again(uploads: Uploads) -> None:
    first = uploads.send(FILE, 3, total(CONTENT) + 1)
    uploads.work()
    assert uploads.get(first).state == "refused"
    second = uploads.send(FILE, 3, total(CONTENT))
    uploads.work()
    assert uploads.get(second).state == "created"
    with pytest.raises(SameBytes):
        uploads.send(FILE, 3, total(CONTENT))


def test_another_body_may_send_the_same_bytes(uploads: Uploads) -> None:
    uploads.send(FILE, 3, total(CONTENT))
    uploads.send(FILE, 3, total(CONTENT), organisation="glenmore")
    assert uploads.count("upload") == 2


def test_the_bytes_are_kept_sealed_and_whole(uploads: Uploads) -> None:
    content = csv_of(rows(40_000))
    assert len(content) > CHUNK_BYTES
    upload_id = uploads.send(content, 1, 1)
    upload = uploads.get(upload_id)
    assert upload.sha256 == hashlib.sha256(content).digest()
    assert upload.chunks == -(-len(content) // CHUNK_BYTES)
    with open_stored(uploads.database, uploads.sealer, upload_id, upload.size) as file:
        assert file.read() == content
        file.seek(-100, io.SEEK_END)
        assert file.read() == content[-100:]
    with uploads.database.transaction() as session:
        sealed = session.execute(text("SELECT sealed FROM upload_chunk LIMIT 1")).scalar_one()
    assert b"Person" not in bytes(sealed)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"programme": "none"}, "programme"),
        ({"organisation": "nobody"}, "organisation"),
        ({"format": "doc"}, "format"),
        ({"count": 0}, "count"),
        ({"count": None}, "count"),
        ({"pence": 0}, "total"),
        ({"pence": 10**18}, "total"),
        ({"account_type": "other"}, "account_type"),
        ({"entry_on": date(2020, 1, 1)}, "entry_on"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value)),
)
def test_declarations_that_cannot_be(
    uploads: Uploads, changes: dict[str, object], field: str
) -> None:
    values = {"count": 3, "pence": total(CONTENT)} | changes
    with pytest.raises(Invalid) as caught:
        uploads.send(FILE, **values)  # type: ignore[arg-type]  # as a form may say
    assert [fault.field for fault in caught.value.fields] == [field]
    assert uploads.count("upload") == 0


@pytest.mark.parametrize("size", [0, LIMIT + 1], ids=["empty", "too large"])
def test_files_of_a_size_that_cannot_be(uploads: Uploads, size: int) -> None:
    with pytest.raises(Invalid):
        uploads.send(b"x" * size, 3, 5)
    assert uploads.count("upload") == 0
