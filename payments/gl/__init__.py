"""Journals for the finance system, and the close of a month (payments contract 14)."""
