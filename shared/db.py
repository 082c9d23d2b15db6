"""The one way to the database, and the one place that commits."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, MetaData, create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from shared.quick import CONNECTION_OPTIONS, Quick

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def make_metadata(service: str) -> MetaData:
    """Return the metadata of a service, whose tables live in the schema of its name."""
    return MetaData(schema=service, naming_convention=_NAMES)


# A plan that was kept from small tables would be used for large ones until they are analysed.
_PLAN_ANEW = " -c plan_cache_mode=force_custom_plan"


def make_engine(
    url: str, *, pool_size: int = 5, service: str = "clachan", bulk: bool = False
) -> Engine:
    """Return an engine whose connections wait for locks 5 s and run statements 30 s at most.

    ``bulk`` is for work on many rows: each statement is planned for what the tables are then.
    """
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        # The texts of errors are logged and kept with failed work; values would be in them.
        hide_parameters=True,
        connect_args={
            "application_name": service,
            "connect_timeout": 5,
            "options": CONNECTION_OPTIONS + (_PLAN_ANEW if bulk else ""),
        },
    )


class Database:
    """Sessions of one service; a session lives for one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        self.quick = Quick(engine)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session and commit what it did, or nothing of it when an exception passes."""
        with self._sessions() as session:
            yield session
            session.commit()

    def is_ready(self) -> bool:
        """Tell whether the database answers."""
        with self.engine.connect() as connection:
            return bool(connection.execute(text("SELECT true")).scalar_one())
