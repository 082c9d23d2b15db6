from uuid import UUID

import pytest

from identity.accounts.subjects import pairwise_subject
from shared.ids import new_id

SECRET = b"s" * 32


def test_a_subject_is_stable_and_shaped_like_a_uuid() -> None:
    account = UUID("0190c2a0-0000-7000-8000-000000000001")
    subject = pairwise_subject(account, "localhost:8000", SECRET)
    assert subject == pairwise_subject(account, "localhost:8000", SECRET)
    assert UUID(subject).version == 8
    assert str(account) not in subject


def test_sector_account_and_secret_each_change_it() -> None:
    account = new_id()
    subjects = {
        pairwise_subject(account, "a.example", SECRET),
        pairwise_subject(account, "b.example", SECRET),
        pairwise_subject(new_id(), "a.example", SECRET),
        pairwise_subject(account, "a.example", b"t" * 32),
    }
    assert len(subjects) == 4


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="secret"):
        pairwise_subject(new_id(), "a.example", b"")
