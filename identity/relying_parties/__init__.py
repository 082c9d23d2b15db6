"""The services that sign people in here, and the programs that get tokens here."""
