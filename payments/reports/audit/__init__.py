"""What auditors look at: the log, duties, people and samples."""
