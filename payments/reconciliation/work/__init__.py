"""What people do about lines and statements that no rule could decide."""
