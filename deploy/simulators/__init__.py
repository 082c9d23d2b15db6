"""The outside parties of a laptop: one process, each party on a port of its own."""
