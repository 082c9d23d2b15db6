"""The pack of the month end."""
