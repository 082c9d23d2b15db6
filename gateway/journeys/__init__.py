"""Journeys: a public service described by one file, walked through by people, kept as cases."""
