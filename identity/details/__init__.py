"""The owner changes what an account says and how it is reached."""
