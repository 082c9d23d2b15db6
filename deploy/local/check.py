"""`make check`: every wall that a machine can check, at the same time, with one line for each."""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.local.home import ROOT

_BIN = Path(sys.executable).parent
_PYTHON = (sys.executable, "-m")


@dataclass(frozen=True)
class Check:
    """A command that ends with 0 when all is well."""

    name: str
    command: tuple[str, ...]


CHECKS = (
    Check("types", (*_PYTHON, "mypy")),  # the slowest comes first
    Check("tidy tests", (*_PYTHON, "pytest", "tests/tidy")),
    Check("walls", (str(_BIN / "lint-imports"), "--no-cache")),
    Check("style", (str(_BIN / "ruff"), "check", "--quiet", ".")),
    Check("format", (str(_BIN / "ruff"), "format", "--check", "--quiet", ".")),
    Check("documents", (*_PYTHON, "deploy.documents", "--check")),
    Check("catalogues", (*_PYTHON, "shared.web.translations", "check")),
)


def run_check(check: Check) -> tuple[bool, float, str]:
    """Run one check; returns whether it is content, seconds taken, and what it printed."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        code = subprocess.run(
            check.command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
        output.seek(0)
        return code == 0, time.monotonic() - began, output.read()


def main() -> int:
    """Run all checks, as many at once as there are cores; print what the unhappy ones said."""
    began = time.monotonic()
    unhappy = 0
    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        for check, (well, seconds, output) in zip(CHECKS, pool.map(run_check, CHECKS), strict=True):
            print(f"{'ok  ' if well else 'FAIL'}  {check.name:<12} {seconds:5.1f} s", flush=True)
            if not well:
                unhappy += 1
                print(output.rstrip(), flush=True)
    print(f"{unhappy} of {len(CHECKS)} failed, {time.monotonic() - began:.0f} s")
    return 1 if unhappy else 0


if __name__ == "__main__":
    sys.exit(main())
