"""Shape B's vouchers."""
