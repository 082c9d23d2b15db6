"""Everything the identity schema holds, as Alembic and the drift check see it."""

from identity.accounts import models as accounts
from identity.base import Base
from identity.caching import models as caching
from identity.factors import models as factors
from identity.keys import models as keys
from identity.oidc import models as oidc
from identity.oidc import polled_models as polled
from identity.organisations import models as organisations
from identity.relying_parties import models as relying_parties
from identity.safe import models as safe
from identity.sandbox import models as sandbox
from identity.signin import models as signin
from identity.verification import models as verification
from shared.tables import add_floor_tables

# Importing a feature's models is what puts its tables into the metadata.
FEATURES = (
    accounts,
    caching,
    factors,
    keys,
    oidc,
    organisations,
    polled,
    relying_parties,
    safe,
    sandbox,
    signin,
    verification,
)

add_floor_tables(Base.metadata)
metadata = Base.metadata
