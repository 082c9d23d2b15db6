"""Accounts that a body's own programs keep in the ledger, and the entries they post there."""
