"""The whole platform on one machine: what `make run` and its companions start."""
