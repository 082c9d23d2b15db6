"""Rules of matching that a team changes: tried on history, put into force by a second person."""
