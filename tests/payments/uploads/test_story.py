"""From the bytes of a file to payments of a run."""

from payments.payees.bank_details import DetailsVault
from payments.runs.queries.runs import get_run
from tests.payments.runs.world import BODY
from tests.payments.uploads.files import csv_of, pain001_of, rows, standard18_of, total
from tests.payments.uploads.world import Uploads


def test_a_good_file_becomes_a_run(uploads: Uploads) -> None:
    content = rows(25)
    upload_id = uploads.send_rows(content)
    uploads.work()
    upload = uploads.get(upload_id)
    assert (upload.state, upload.refusal) == ("created", None)
    made = uploads.payments("upload_row", "state", "amount_pence", "reference", "run_id")
    assert [row[0] for row in made] == list(range(1, 26))
    assert {row[1] for row in made} == {"ready"}
    assert sum(int(str(row[2])) for row in made) == total(content)
    with uploads.database.transaction() as session:
        assert upload.run_id is not None
        run = get_run(session, BODY, upload.run_id)
    assert run.state == "collecting"
    assert {row[4] for row in made} == {run.id}
    assert uploads.count("upload_row") == 0


def test_the_details_of_a_made_payment_open(
    uploads: Uploads,
) -> None:
    uploads.send_rows(rows(2))
    uploads.work()
    vault: DetailsVault = uploads.vault
    for payment_id, sealed, tail in uploads.payments("id", "details_sealed", "account_tail"):
        assert isinstance(sealed, bytes)
        details = vault.open(sealed, f"payment:{payment_id}")
        assert (details.sort_code, details.account_number[-4:]) == ("990001", tail)


def test_standard18_and_pain001_become_runs(uploads: Uploads) -> None:
    content = rows(5)
    first = uploads.send(standard18_of(content), 5, total(content), format="standard18")
    uploads.work()
    second = uploads.send(pain001_of(content), 5, total(content), format="pain001")
    uploads.work()
    assert [uploads.get(one).state for one in (first, second)] == ["created", "created"]
    assert uploads.get(second).held_rows == 5
    assert uploads.count("payment") == 10


def test_every_row_tells_all_its_errors(uploads: Uploads) -> None:
    content = [
        *rows(2),
        ("99000", "1", "", "12.345", "lower case and much too long"),
    ]
    upload_id = uploads.send(csv_of(content), 3, total(rows(2)) + 1)
    uploads.work()
    assert uploads.get(upload_id).state == "faulty"
    fields = [(fault.number, fault.line, fault.field) for fault in uploads.faults(upload_id)]
    assert fields == [
        (3, 4, "amount"),
        (3, 4, "payee_name"),
        (3, 4, "reference"),
        (3, 4, "sort_code"),
        (3, 4, "account_number"),
    ]
    assert uploads.count("payment") == 0


def test_two_files_that_come_together_see_each_other(uploads: Uploads) -> None:
    content = rows(5)
    uploads.send(standard18_of(content), 5, total(content), format="standard18")
    uploads.send(pain001_of(content), 5, total(content), format="pain001")
    uploads.work()
    reasons = {str(row[0]) for row in uploads.payments("hold_reason") if row[0]}
    assert len(reasons) >= 5
    assert all("has the same account, amount and reference" in reason for reason in reasons)
