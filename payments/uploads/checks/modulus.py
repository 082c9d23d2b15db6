"""The modulus check at the pace of a file: the rules of a sort code are looked up once."""

from operator import mul

from payments.payees.modulus.check import check_account
from payments.payees.modulus.tables import ModulusTables

_DIGIT_SUMS = tuple(sum(int(digit) for digit in str(number)) for number in range(10_000))
# A file has a few thousand sort codes; a hostile one shall not fill the memory.
_MAXIMUM_KEPT = 20_000


class FastModulus:
    """Gives the same results as :func:`payments.payees.modulus.check.check_account`."""

    def __init__(self, tables: ModulusTables | None) -> None:
        self._tables = tables
        self._kept: dict[str, ModulusTables] = {}

    def check(self, sort_code: str, account_number: str) -> str:
        """Return ``valid``, ``invalid``, ``not_checkable`` or, without tables, ``not_checked``."""
        if self._tables is None:
            return "not_checked"
        own = self._kept.get(sort_code)
        if own is None:
            own = self._keep(sort_code)
        if not own.rows:
            return "not_checkable"
        digits = (*map(int, sort_code), *map(int, account_number))
        for row in own.rows:
            if row.exception:
                return check_account(own, sort_code, account_number).result
            if row.method == "DBLAL":
                products = map(abs, map(mul, digits, row.weights))
                total = sum(map(_DIGIT_SUMS.__getitem__, products))
            else:
                total = sum(map(mul, digits, row.weights))
            if total % (11 if row.method == "MOD11" else 10):
                # A second row with an exception may still have a say.
                return check_account(own, sort_code, account_number).result
        return "valid"

    def _keep(self, sort_code: str) -> ModulusTables:
        """Return the tables with the rows of one sort code only."""
        tables = self._tables
        if tables is None:
            raise ValueError("there are no tables")
        if len(self._kept) >= _MAXIMUM_KEPT:
            self._kept.clear()
        own = ModulusTables(tables.rows_for(sort_code), tables.substitutions, tables.version)
        self._kept[sort_code] = own
        return own
