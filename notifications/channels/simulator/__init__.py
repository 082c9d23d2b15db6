"""A mail server that keeps every email, and the page on which to read them."""

from notifications.channels.simulator.app import make_app
from notifications.channels.simulator.smtp import start_smtp

__all__ = ["make_app", "start_smtp"]
