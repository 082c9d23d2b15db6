"""Proves an export of the ledger with nothing but Python; imports nothing from outside itself."""
