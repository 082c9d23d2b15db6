"""Payments that repeat: a schedule makes a run for each of its days, ahead of it."""
