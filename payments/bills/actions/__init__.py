"""What changes bills and requests to pay them."""
