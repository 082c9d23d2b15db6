"""What `python -m <service> COMMAND` does, the same way for each service."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from shared.errors import Problem

Command = Callable[[Sequence[str]], None]


def main(service: str, commands: Mapping[str, Command], arguments: Sequence[str]) -> int:
    """Run the named command with the rest of the arguments; a refusal is one line and exit 1."""
    parser = argparse.ArgumentParser(prog=f"python -m {service}")
    parser.add_argument("command", choices=sorted(commands))
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    parsed = parser.parse_args(list(arguments))
    try:
        commands[parsed.command](parsed.rest)
    except Problem as problem:
        print(f"{service}: {problem.title}", file=sys.stderr)
        for fault in problem.fields:
            print(f"  {fault.field}: {fault.message}", file=sys.stderr)
        return 1
    return 0
