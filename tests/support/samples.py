"""Files that other organisations published; read where they lie beside the repository.

They are not part of the project. `CLACHAN_SAMPLES` names their folder; without it, and without
`shared/data` next to the repository, the tests that read them say so and are left out.
"""

import os
from pathlib import Path

import pytest

_FOLDER = Path(
    os.environ.get("CLACHAN_SAMPLES", Path(__file__).resolve().parents[3] / "shared" / "data")
)


def sample(name: str) -> Path:
    """Return a sample file by its path below the folder; leaves the test out where it is absent."""
    path = _FOLDER / name
    if not path.exists():
        pytest.skip(f"no sample {name}: set CLACHAN_SAMPLES")
    return path


def natwest(name: str) -> bytes:
    """Return one of the published daily files of NatWest Data Services."""
    return sample(f"payments/natwest-data-services/{name}").read_bytes()
