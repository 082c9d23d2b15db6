"""Work that the bank's answers make for people: who does it, until when, and what came of it."""
