"""A mail server, a message centre and a caller that keep everything, and the page to read it."""

from notifications.channels.simulator.app import make_app
from notifications.channels.simulator.smsc import start_smsc
from notifications.channels.simulator.smtp import start_smtp
from notifications.channels.simulator.voice import make_voice_app

__all__ = ["make_app", "make_voice_app", "start_smsc", "start_smtp"]
