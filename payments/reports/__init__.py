"""Reports: what the numbers were, for officers, auditors and the month end."""
