"""The double-entry ledger: append only, balanced by the database, one writer."""
