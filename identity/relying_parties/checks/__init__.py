"""What may be registered, one kind of member per file; pure."""
