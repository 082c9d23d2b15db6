"""Statement files whose columns people have to name."""
