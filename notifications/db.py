"""Everything the notifications schema holds, as Alembic and the drift check see it."""

from notifications.base import Base
from notifications.mailbox import models as mailbox
from notifications.messages import models as messages
from notifications.sealing import models as sealing
from shared.tables import add_floor_tables

# Importing a feature's models is what puts its tables into the metadata.
FEATURES = (sealing, messages, mailbox)

add_floor_tables(Base.metadata)
metadata = Base.metadata
