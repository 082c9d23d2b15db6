"""Shape A's vouchers, with statuses of their own for each refusal."""
