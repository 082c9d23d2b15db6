"""Bank statements against what the ledger and the runs say."""
