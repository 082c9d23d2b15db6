"""The whole way of a grant, through HTTP, with the neighbours on a real socket."""

import pytest

from tests.gateway.journeys.conftest import Site
from tests.gateway.journeys.person import Person

pytestmark = pytest.mark.committed


def test_a_grant_is_applied_for_paid_and_told(site: Site) -> None:
    morag = Person(site)
    morag.apply()
    assert "Application sent" in morag.heading
    reference = morag.reference
    site.work()
    assert len(site.neighbours.payments) == 1
    (payment,) = site.neighbours.payments.values()
    assert payment["amount_pence"] == 25000
    assert payment["case_reference"] == reference
    (message,) = site.neighbours.messages.values()
    assert message["subject"] == site.neighbours.subject
    assert "* You live in Scotland." in message["body"]
    morag.open(f"/journeys/cases/{reference}")
    assert "The payment was handed to our finance team" in morag.text
    assert "We put a letter in your mailbox" in morag.text
