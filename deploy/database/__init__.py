"""The database's walls: one schema and one role for each service."""
