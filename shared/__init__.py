"""What at least two services use, and nothing about any domain."""
