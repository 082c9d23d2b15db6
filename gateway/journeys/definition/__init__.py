"""The file of a public service: its shape, its checks before publishing, its words."""
