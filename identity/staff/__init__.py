"""The people who work for a body: invited, given roles, removed."""
