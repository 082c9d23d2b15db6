"""Numbers, the tamper-evident log, and its proof (ledger contract 5)."""
