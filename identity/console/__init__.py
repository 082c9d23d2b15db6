"""The pages on which public bodies look after their services and staff."""
