"""Words to people: messages, and the citizen's mailbox."""
