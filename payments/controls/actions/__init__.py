"""Writes of controls."""
