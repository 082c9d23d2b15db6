"""What keeps payments right: limits, bands, authorities, duties, holds and days."""
