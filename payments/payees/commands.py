"""Operator's command: runs the numbered cases of the modulus specification."""

from collections.abc import Sequence
from pathlib import Path

from payments.payees.modulus.check import check_account
from payments.payees.modulus.tables import TableFiles
from payments.settings import get_settings
from shared.errors import Invalid

_COLUMNS = 3


def check_modulus_cases(arguments: Sequence[str]) -> None:
    """Run a case file against the loaded tables; refuses to end well when a case differs.

    Each line of the file holds a sort code, an account number and ``valid`` or ``invalid``,
    separated by blanks or commas; ``#`` begins a comment.
    """
    if len(arguments) != 1:
        raise Invalid(title="usage: python -m payments check-modulus-cases FILE")
    settings = get_settings()
    tables = TableFiles(settings.modulus_weights_file, settings.modulus_substitutions_file).load()
    if tables is None:
        raise Invalid(title="PAYMENTS_MODULUS_WEIGHTS_FILE names no file, so nothing is checked")
    wrong = 0
    for number, line in enumerate(Path(arguments[0]).read_text().splitlines(), 1):
        parts = line.partition("#")[0].replace(",", " ").split()
        if not parts:
            continue
        if len(parts) != _COLUMNS:
            raise Invalid(title=f"line {number}: not a sort code, an account and an expectation")
        answer = check_account(tables, parts[0].replace("-", ""), parts[1])
        passed = answer.result != "invalid"
        agrees = passed == (parts[2] == "valid")
        wrong += not agrees
        print(f"{'ok  ' if agrees else 'FAIL'} {parts[0]} {parts[1]} {answer.result}")
    if wrong:
        raise Invalid(title=f"{wrong} cases differ")
