"""Holds that a person let go."""
