"""The declarative base of the gateway schema."""

from shared.db import make_base

Base = make_base("gateway")
