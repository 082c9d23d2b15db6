"""The declarative base of the payments schema."""

from shared.db import make_base

Base = make_base("payments")
