"""Copies in process memory of rows that rarely change, dropped when their version moves."""
