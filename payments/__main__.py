"""`python -m payments COMMAND`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from payments.bank.submissions import commands as bank_files
from payments.govstack import commands as govstack
from payments.ledger.seal import commands as seal
from payments.payees import commands as payees
from payments.reconciliation import commands as reconciliation
from payments.reports.auditor import commands as auditor
from payments.runs import commands as runs
from payments.screening import commands as screening
from payments.settings import get_settings
from payments.vouchers import commands as vouchers
from shared.commands import main
from shared.dead_work import dead_work_command
from shared.migrate import upgrade


# A web process needs no Celery and a worker no FastAPI: each saves memory by not knowing.
def _web(_arguments: Sequence[str]) -> None:
    import_module("payments.web").run()


def _worker(_arguments: Sequence[str]) -> None:
    import_module("payments.worker").run()


def _migrate(_arguments: Sequence[str]) -> None:
    upgrade("payments", get_settings().database_url)


def _seed_demo(arguments: Sequence[str]) -> None:
    runs.seed_demo(arguments)
    if not arguments:
        vouchers.seed_demo()


COMMANDS = {
    "web": _web,
    "worker": _worker,
    "migrate": _migrate,
    "dead-work": dead_work_command(get_settings),
    "seed-demo": _seed_demo,
    "seed-govstack": govstack.seed_govstack,
    "register-building-block": govstack.register_building_block,
    "bank-route": bank_files.set_bank_route,
    "check-modulus-cases": payees.check_modulus_cases,
    **auditor.COMMANDS,
    **reconciliation.COMMANDS,
    **seal.COMMANDS,
    **screening.COMMANDS,
}

if __name__ == "__main__":
    sys.exit(main("payments", COMMANDS, sys.argv[1:]))
