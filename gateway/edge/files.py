"""Envoy's files: written beside their place, flushed, and moved in one step."""

import json
import os
from pathlib import Path

from gateway.edge.policy import Edge
from gateway.edge.rules import make_bootstrap, make_resources

# Keys first, then who needs them; the listener last, since it waits for the others.
_ORDER = ("cds.json", "jwt.json", "rds.json", "rds-govstack.json", "lds.json")


def write_files(edge: Edge, directory: Path) -> list[str]:
    """Write what has changed and return its names; Envoy sees each file whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    resources = make_resources(edge, str(directory))
    contents = {"bootstrap.json": make_bootstrap(edge, str(directory))}
    contents |= {name: resources[name] for name in _ORDER}
    return [name for name, content in contents.items() if _replace(directory / name, content)]


def _replace(path: Path, content: object) -> bool:
    body = json.dumps(content, indent=1, sort_keys=True)
    if path.exists() and path.read_text() == body:
        return False
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    return True
