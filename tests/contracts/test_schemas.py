"""Made-up requests against every operation: nothing breaks, and answers are what is documented."""

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from itertools import product

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contracts.house import SERVICES, House, Service, service_accounts

EXAMPLES = 15
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, house: House) -> Service:
    return house.services[str(request.param)]


@pytest.fixture(autouse=True)
def no_application_stays_open() -> Iterator[None]:
    yield
    shutdown_lifespans()


def test_every_operation_keeps_its_document(house: House, service: Service) -> None:
    every_scope = " ".join(sorted(frozenset[str]().union(*service_accounts().values())))
    headers = {"Authorization": f"Bearer {house.issuer.token('gateway-service', every_scope)}"}
    schema = schemathesis.openapi.from_asgi(f"{service.api_path}/openapi.json", service.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == len(list(service.doors(of_api=True)))

    for operation, mode in product(operations, GenerationMode):

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode))
        def keeps_its_document(case: Case) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        # No text in a path is a wrong one: such an operation has no bad requests.
        with suppress(Unsatisfiable) if mode.is_negative else nullcontext():
            keeps_its_document()
