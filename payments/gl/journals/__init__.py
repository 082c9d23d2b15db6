"""Journals that people write by hand: one asks, another posts."""
