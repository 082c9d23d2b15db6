"""The payee master: who is paid and where, changed by two people."""
