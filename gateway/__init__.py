"""The front door: edge policy, catalogue, eligibility, journeys."""
