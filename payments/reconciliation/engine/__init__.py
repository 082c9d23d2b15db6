"""Matching as set-based statements over an account."""
