"""What stands behind a name check: how names are compared, how fast and how often one asks."""
