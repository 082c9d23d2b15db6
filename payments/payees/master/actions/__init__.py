"""Writes of the payee master: proposed by one person, confirmed by another."""
