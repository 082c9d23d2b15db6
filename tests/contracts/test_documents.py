"""The OpenAPI documents are promises: a change of one is seen and agreed to."""

import pytest

from tests.contracts.house import SERVICES, House
from tests.contracts.snapshots import assert_same


@pytest.mark.parametrize("service", SERVICES)
def test_the_api_is_as_documented_before(house: House, service: str) -> None:
    assert_same(service, house.services[service].api.openapi())


def test_every_door_is_decided_as_before(house: House) -> None:
    decided = {
        f"{door.method} {door.path}": door.decision
        for service in house.services.values()
        for of_api in (True, False)
        for door in service.doors(of_api=of_api)
    }
    assert decided
    assert_same("decisions", decided)
