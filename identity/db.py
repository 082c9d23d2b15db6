"""Everything the identity schema holds, as Alembic and the drift check see it."""

from identity.accounts import models as accounts
from identity.base import Base
from identity.caching import models as caching
from identity.client_console import models as client_console
from identity.closure import models as closure
from identity.codes import models as codes
from identity.factors import models as factors
from identity.keys import models as keys
from identity.logout import models as logout
from identity.oidc import models as oidc
from identity.oidc import polled_models as polled
from identity.organisations import models as organisations
from identity.phones import models as phones
from identity.recovery import models as recovery
from identity.registration import models as registration
from identity.relying_parties import models as relying_parties
from identity.safe import models as safe
from identity.sandbox import models as sandbox
from identity.signin import models as signin
from identity.staff import models as staff
from identity.staff_sign_on import models as staff_sign_on
from identity.verification import models as verification
from shared.tables import add_floor_tables

# Importing a feature's models is what puts its tables into the metadata.
FEATURES = (
    accounts,
    caching,
    closure,
    codes,
    client_console,
    factors,
    keys,
    logout,
    oidc,
    organisations,
    phones,
    recovery,
    polled,
    registration,
    relying_parties,
    safe,
    sandbox,
    signin,
    staff,
    staff_sign_on,
    verification,
)

add_floor_tables(Base.metadata)
metadata = Base.metadata
