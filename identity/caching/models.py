"""The table of versions that caches compare with."""

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from identity.base import Base


class CacheVersion(Base):
    """How often the rows behind a cache have changed."""

    __tablename__ = "cache_version"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
