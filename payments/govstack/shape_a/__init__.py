"""Shape A: messages with request ids and response codes, and vouchers beside them."""
