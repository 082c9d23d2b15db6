"""Fictitious people and faults for clients that are being built."""
