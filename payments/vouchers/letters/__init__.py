"""Printed vouchers and payment orders."""
