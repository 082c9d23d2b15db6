"""Approving authority in a colleague's hands for some days, and roles taken in an emergency."""
