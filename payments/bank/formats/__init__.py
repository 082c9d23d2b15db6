"""Files that go to a bank: Standard 18 and pain.001, written piece by piece."""
