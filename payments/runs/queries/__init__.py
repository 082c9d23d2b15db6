"""Reads of runs and payments; every one of them within one public body."""
