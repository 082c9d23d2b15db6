"""What the bank took over and no statement shows yet, by age; too old, it is an exception."""
