"""Work on many rows: cut into shards, each one transaction of its own, counted in the database."""
