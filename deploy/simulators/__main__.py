"""`python -m deploy.simulators`: every outside party of a laptop."""

import asyncio
import sys

from pydantic import ValidationError

from deploy.simulators.serving import PortTakenError, serve
from deploy.simulators.settings import SimulatorSettings


def main() -> int:
    """Serve until told to stop; a port that is taken or a setting that is wrong is one line."""
    try:
        asyncio.run(serve(SimulatorSettings()))
    except PortTakenError as error:
        print(f"simulators: {error}", file=sys.stderr)
        return 1
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            print(f"simulators: SIMULATORS_{name}: {fault['msg']}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
