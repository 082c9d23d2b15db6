"""The declarative base of the identity schema."""

from shared.db import make_base

Base = make_base("identity")
