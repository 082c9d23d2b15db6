"""Registering and looking after clients, for people who have never seen OpenID Connect."""
