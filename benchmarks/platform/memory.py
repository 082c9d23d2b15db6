"""Memory of a running platform, process by process, with shared pages counted once (PSS).

CLACHAN_HOME=.clachan python benchmarks/platform/memory.py
"""

import json
import os
import sys
from pathlib import Path


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def sizes_mb(pid: int) -> tuple[float, float]:
    """Return PSS and resident size of a process with its descendants, in MB."""
    found = {"Pss:": 0, "Rss:": 0}
    for one in family(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            name, *rest = line.split()
            if name in found:
                found[name] += int(rest[0])
    return found["Pss:"] / 1024, found["Rss:"] / 1024


def main() -> int:
    """Print a line per process and the sum; says so when nothing runs."""
    status = Path(os.environ.get("CLACHAN_HOME", ".clachan")) / "run" / "status.json"
    if not status.exists():
        print("no platform runs here: make run DETACH=1")
        return 0
    state = json.loads(status.read_text())
    if not Path(f"/proc/{state['pid']}").exists():
        print("no platform runs here: make run DETACH=1")
        return 0
    total = 0.0
    for process in [*state["processes"], {"name": "supervisor", "pid": 0}]:
        pid = process["pid"] or state["pid"]
        if process["pid"]:
            pss, rss = sizes_mb(pid)
        else:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().split()
            pss = int(rollup[rollup.index("Pss:") + 1]) / 1024
            rss = int(rollup[rollup.index("Rss:") + 1]) / 1024
        total += pss
        print(f"{process['name']:22} {pss:7.0f} MB PSS {rss:7.0f} MB resident")
    print(f"{'all together':22} {total:7.0f} MB PSS")
    return 0


if __name__ == "__main__":
    sys.exit(main())
