"""A platform of toy programs under the real supervisor: `fake_platform.py HOME PLAN.json`."""

import json
import sys
from pathlib import Path

from deploy.local.control import only_supervisor
from deploy.local.home import Home
from deploy.local.pids import PidFile
from deploy.local.plan import Plan, Process, Step
from deploy.local.probes import logged
from deploy.local.supervisor import Supervisor


def main() -> int:
    home = Home(Path(sys.argv[1]))
    table = json.loads(Path(sys.argv[2]).read_text())
    plan = Plan(
        processes=tuple(
            Process(
                name=row["name"],
                command=(sys.executable, "-c", row["program"]),
                ready=logged("ready"),
                needs=tuple(row.get("needs", ())),
                stop_timeout_seconds=row.get("stop_timeout", 5),
                start_timeout_seconds=row.get("start_timeout", 20),
            )
            for row in table["processes"]
        ),
        steps=tuple(
            Step(
                name=row["name"],
                command=(sys.executable, "-c", row["program"]),
                needs=tuple(row.get("needs", ())),
                mark=row.get("mark", ""),
            )
            for row in table.get("steps", ())
        ),
    )
    with only_supervisor(home):
        PidFile(home.run / "processes.json").clear_leftovers()
        return Supervisor(plan, home, lambda: "WELCOME").run()


if __name__ == "__main__":
    sys.exit(main())
