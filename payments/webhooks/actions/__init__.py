"""What changes endpoints, and what tells them."""
