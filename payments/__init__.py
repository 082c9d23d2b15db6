"""Money out and money in: payees, payment runs, ledger, bank, reconciliation."""
