"""Everything the payments schema holds, as Alembic and the drift check see it."""

from payments.bank import models as _bank
from payments.bank.work import models as _bank_work
from payments.base import Base
from payments.bills import models as _bills
from payments.controls import models as _controls
from payments.gl import models as _gl
from payments.gl.journals import models as _journals
from payments.govstack import models as _govstack
from payments.ledger import models as _ledger
from payments.ledger.seal import models as _seal
from payments.payees import models as _payees
from payments.payees.bulk import models as _name_batches
from payments.payees.master import models as _payee_master
from payments.payees.overrides import models as _overrides
from payments.reconciliation import models as _reconciliation
from payments.reconciliation import work_models as _reconciliation_work
from payments.reports.auditor import models as _auditor_packs
from payments.reports.remittance import models as _remittance
from payments.runs import models as _runs
from payments.runs.schedules import models as _schedules
from payments.screening import models as _screening
from payments.stages import models as _stages
from payments.uploads import models as _uploads
from payments.vouchers import models as _vouchers
from payments.webhooks import models as _webhooks
from shared.tables import add_floor_tables

__all__ = ["metadata"]

_FEATURES = (
    _auditor_packs,
    _bank,
    _bank_work,
    _bills,
    _controls,
    _gl,
    _govstack,
    _journals,
    _ledger,
    _name_batches,
    _overrides,
    _payee_master,
    _payees,
    _reconciliation,
    _reconciliation_work,
    _remittance,
    _runs,
    _schedules,
    _screening,
    _seal,
    _stages,
    _uploads,
    _vouchers,
    _webhooks,
)

add_floor_tables(Base.metadata)
metadata = Base.metadata
