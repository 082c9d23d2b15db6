"""Reads of controls."""
