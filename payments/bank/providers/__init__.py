"""Ways to reach a bank."""
