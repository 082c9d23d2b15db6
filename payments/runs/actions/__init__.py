"""Changes of runs and payments, each with its line of history and audit."""
