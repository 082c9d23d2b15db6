"""A company that checks documents, for trying the product out."""

from identity.verification.simulator.app import make_app

__all__ = ["make_app"]
