"""`python -m gateway edge write`: puts Envoy's files in place."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from gateway.edge.files import write_files
from gateway.edge.keys import make_edge
from gateway.settings import get_settings


def edge(arguments: Sequence[str]) -> None:
    """Write Envoy's bootstrap and resources into the folder of the settings, or of ``--out``."""
    parser = argparse.ArgumentParser(prog="python -m gateway edge")
    parser.add_argument("action", choices=["write"])
    parser.add_argument("--out", type=Path)
    parsed = parser.parse_args(list(arguments))
    settings = get_settings()
    if parsed.out is not None:
        settings = settings.model_copy(update={"envoy_dir": parsed.out})
    for name in write_files(make_edge(settings), settings.envoy_dir):
        print(f"wrote {settings.envoy_dir / name}")
