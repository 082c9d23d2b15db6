"""Answers on their way in from forms and out to pages."""
