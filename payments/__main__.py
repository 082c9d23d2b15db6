"""`python -m payments COMMAND`."""

import sys
from collections.abc import Sequence

from payments.payees import commands as payees
from payments.reconciliation import commands as reconciliation
from payments.runs import commands as runs
from payments.settings import get_settings
from payments.web import create_app
from payments.worker import create_worker
from shared.celery import run_worker
from shared.commands import main
from shared.migrate import upgrade
from shared.web.app import serve


def _web(_arguments: Sequence[str]) -> None:
    serve(create_app(), get_settings())


def _worker(_arguments: Sequence[str]) -> None:
    run_worker(create_worker(), get_settings())


def _migrate(_arguments: Sequence[str]) -> None:
    upgrade("payments", get_settings().database_url)


COMMANDS = {
    "web": _web,
    "worker": _worker,
    "migrate": _migrate,
    "seed-demo": runs.seed_demo,
    "check-modulus-cases": payees.check_modulus_cases,
    **reconciliation.COMMANDS,
}

if __name__ == "__main__":
    sys.exit(main("payments", COMMANDS, sys.argv[1:]))
