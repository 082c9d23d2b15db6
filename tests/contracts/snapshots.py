"""Files that say how the doors were when somebody last agreed to it."""

import json
import os
from pathlib import Path

FOLDER = Path(__file__).parent / "openapi"


def assert_same(name: str, content: object) -> None:
    """Fail where content differs from the kept file; `UPDATE_SNAPSHOTS=1` keeps it instead."""
    path = FOLDER / f"{name}.json"
    written = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        FOLDER.mkdir(exist_ok=True)
        path.write_text(written, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    assert json.loads(kept or "null") == json.loads(written), (
        f"{path.name} differs: if that is wanted, run the test with UPDATE_SNAPSHOTS=1"
    )
