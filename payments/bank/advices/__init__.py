"""What a bank says about single payments of a file: pain.002, and amendments (AWACS)."""
