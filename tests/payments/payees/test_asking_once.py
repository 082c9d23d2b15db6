"""One name check under one idempotency key, whatever happens while it is asked."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from payments.payees.actions import Checker, CheckRequest
from payments.payees.asking_once import ask_once
from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from payments.payees.provider import NameAnswer, NameQuestion
from shared import clock
from shared.actors import Actor
from shared.crypto import Sealer
from shared.db import Database
from shared.errors import Conflict, Invalid

ASKER = Actor("service", "gateway-service", name="gateway-service")
MORAG = CheckRequest("strathclachan", "personal", "Morag Fictional", "99-00-01", "10000012")
CALUM = CheckRequest("strathclachan", "personal", "Calum Fictional", "99-00-01", "10000012")


class _NoNames:
    def verify(self, question: NameQuestion) -> NameAnswer:
        raise AssertionError(question)


class _Asked:
    """Counts how often the bank is asked; fails first where a test says so."""

    def __init__(self, *, fails: bool = False) -> None:
        self.times = 0
        self.fails = fails

    def __call__(self) -> str:
        self.times += 1
        if self.fails:
            self.fails = False
            raise Invalid(title="No")
        return f'{{"answer": {self.times}}}'


def _checker(database: Database, sealer: Sealer, ahead: timedelta = timedelta()) -> Checker:
    def now() -> datetime:
        return clock.now() + ahead

    vault = DetailsVault(sealer, "secret")
    return Checker(database, _NoNames(), TableFiles(None, None), vault, now)


@pytest.mark.committed
def test_the_first_answer_is_given_again(payments_database: Database, sealer: Sealer) -> None:
    checker, ask = _checker(payments_database, sealer), _Asked()
    answers = [ask_once(checker, MORAG, "key-1", ASKER, ask) for _ in range(3)]
    assert answers == [('{"answer": 1}', False), *[('{"answer": 1}', True)] * 2]
    assert ask.times == 1
    with pytest.raises(Conflict) as refused:
        ask_once(checker, CALUM, "key-1", ASKER, ask)
    assert refused.value.code == "idempotency_key_reused"
    assert ask_once(checker, CALUM, "key-2", ASKER, ask) == ('{"answer": 2}', False)
    with payments_database.transaction() as session:
        kept = session.execute(text("SELECT string_agg(body::text, ' ') FROM idempotency_key"))
        assert "answer" not in kept.scalar_one()


@pytest.mark.committed
def test_while_it_is_asked_a_second_request_waits(
    payments_database: Database, sealer: Sealer
) -> None:
    checker = _checker(payments_database, sealer)
    codes: list[str] = []

    def ask() -> str:
        with pytest.raises(Conflict) as refused:
            ask_once(checker, MORAG, "key-1", ASKER, _Asked())
        codes.append(refused.value.code)
        return "{}"

    ask_once(checker, MORAG, "key-1", ASKER, ask)
    assert codes == ["idempotency_key_in_use"]


@pytest.mark.committed
def test_after_a_refusal_or_a_death_it_may_be_asked_again(
    payments_database: Database, sealer: Sealer
) -> None:
    checker, ask = _checker(payments_database, sealer), _Asked(fails=True)
    with pytest.raises(Invalid):
        ask_once(checker, MORAG, "key-1", ASKER, ask)
    assert ask_once(checker, MORAG, "key-1", ASKER, ask) == ('{"answer": 2}', False)
    with payments_database.transaction() as session:
        session.execute(
            text("UPDATE idempotency_key SET body = jsonb_build_object('begun_at', now())")
        )
    with pytest.raises(Conflict):
        ask_once(checker, MORAG, "key-1", ASKER, ask)
    later = _checker(payments_database, sealer, timedelta(seconds=61))
    assert ask_once(later, MORAG, "key-1", ASKER, ask) == ('{"answer": 3}', False)
