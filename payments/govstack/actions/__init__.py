"""What the GovStack doors do: beneficiaries, batches of orders, callbacks, the sandbox."""
