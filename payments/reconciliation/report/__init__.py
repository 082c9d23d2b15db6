"""The report that proves bank = ledger = runs, for an account and a day."""
