"""What is done with vouchers: issued, redeemed, stopped, settled."""
