"""Readers of files of payments: each streams, and says where a fault is."""
