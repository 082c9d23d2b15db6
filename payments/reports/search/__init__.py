"""Finding any payment."""
