"""The declarative base of the notifications schema."""

from shared.db import make_base

Base = make_base("notifications")
