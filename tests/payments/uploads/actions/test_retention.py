"""The bytes of uploads that paid nobody go after their days, with one audit line each."""

from datetime import timedelta

from sqlalchemy import text

from payments.uploads.actions.decide import abandon
from payments.uploads.actions.retention import delete_abandoned
from shared import clock
from tests.payments.runs.world import BODY, UNA
from tests.payments.uploads.files import csv_of, rows, total
from tests.payments.uploads.world import Uploads


def _pieces(uploads: Uploads) -> int:
    return uploads.count("upload_chunk")


def _line_count(uploads: Uploads) -> int:
    return uploads.count("audit_event WHERE action = 'payments.upload.content_deleted'")


def test_an_abandoned_upload_loses_its_bytes_after_its_days(uploads: Uploads) -> None:
    good = rows(3)
    bad = [*good[:2], (good[2][0], "x", *good[2][2:])]
    paid = uploads.send_rows(good[:2])
    uploads.work()
    given_up = uploads.send(csv_of(bad), 3, total(bad))
    uploads.work()
    now = clock.now()
    with uploads.database.transaction() as session:
        abandon(session, BODY, given_up, UNA, now)
        session.execute(
            text(
                "INSERT INTO upload_chunk SELECT upload_id, 1, sealed FROM upload_chunk"
                " WHERE upload_id = :upload"
            ),
            {"upload": given_up},
        )
    assert _pieces(uploads) == 3
    soon, late = now + timedelta(days=89), now + timedelta(days=91)
    with uploads.database.transaction() as session:
        assert delete_abandoned(session, 90, soon) is None
    assert (_pieces(uploads), _line_count(uploads)) == (3, 0)
    with uploads.database.transaction() as session:
        assert delete_abandoned(session, 90, late, most=1) == given_up
    assert (_pieces(uploads), _line_count(uploads)) == (2, 0)
    with uploads.database.transaction() as session:
        assert delete_abandoned(session, 90, late, most=1) == given_up
        assert delete_abandoned(session, 90, late, most=1) is None
    assert (_pieces(uploads), _line_count(uploads)) == (1, 1)
    assert uploads.get(given_up).state == "abandoned"
    assert uploads.get(paid).state == "created"
