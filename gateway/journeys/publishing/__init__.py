"""What happens before a definition is published: checks, and walks of invented people."""
