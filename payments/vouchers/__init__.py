"""Vouchers and printed payment orders for people without a bank account."""
