"""Everything the payments schema holds, as Alembic and the drift check see it."""

from payments.bank import models as _bank
from payments.base import Base
from payments.govstack import models as _govstack
from payments.ledger import models as _ledger
from payments.payees import models as _payees
from payments.reconciliation import models as _reconciliation
from payments.runs import models as _runs
from payments.stages import models as _stages
from payments.vouchers import models as _vouchers
from shared.tables import add_floor_tables

__all__ = ["metadata"]

_FEATURES = (
    _bank,
    _govstack,
    _ledger,
    _payees,
    _reconciliation,
    _runs,
    _stages,
    _vouchers,
)

add_floor_tables(Base.metadata)
metadata = Base.metadata
