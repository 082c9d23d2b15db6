"""What tests of several rooms of payments stand on."""

from pathlib import Path

import pytest
from joserfc.jwk import ECKey


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key with which the service signs its own assertions."""
    path = tmp_path_factory.mktemp("keys") / "service.pem"
    path.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    return path
