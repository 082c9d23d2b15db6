"""Telling payees what they were paid."""
