"""The declarative base of the gateway schema."""

from sqlalchemy.orm import DeclarativeBase

from shared.db import make_metadata


class Base(DeclarativeBase):
    """Parent of every model of this service."""

    metadata = make_metadata("gateway")
