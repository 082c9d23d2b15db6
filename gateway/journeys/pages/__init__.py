"""What people see of journeys."""
