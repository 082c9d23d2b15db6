"""Everything the gateway schema holds, as Alembic and the drift check see it."""

from gateway.base import Base
from gateway.catalogue import models as catalogue_models
from gateway.journeys import models as journeys_models
from shared.tables import add_floor_tables

MODELS = (catalogue_models, journeys_models)

add_floor_tables(Base.metadata)
metadata = Base.metadata
