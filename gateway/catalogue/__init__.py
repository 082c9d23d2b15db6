"""The catalogue: which public services there are, whose they are, and finding them."""
