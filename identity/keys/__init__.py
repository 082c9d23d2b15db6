"""The keys with which identity signs: made, published, rotated, retired."""
