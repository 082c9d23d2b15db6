"""`make bench`: runs every benchmark, one after the other, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run all scripts below this folder; a failing one does not stop the others."""
    failed = []
    environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
    for script in sorted(HERE.glob("*/*.py")):
        name = script.relative_to(HERE)
        print(f"\n== {name}", flush=True)
        command = [sys.executable, str(script)]
        if subprocess.run(command, env=environment, check=False).returncode != 0:  # noqa: S603 - our own benchmarks
            failed.append(str(name))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
