"""A bank that answers Confirmation of Payee questions, for trying the product out."""

from payments.payees.simulator.app import make_app

__all__ = ["make_app"]
