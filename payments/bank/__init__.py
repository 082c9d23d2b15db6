"""The bank: files out, reports and statements in, and what is certain about each hand-over."""
