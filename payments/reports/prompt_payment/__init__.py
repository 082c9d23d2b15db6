"""How soon invoices are paid."""
