"""How people prove that it is them, beside the password and the emailed code."""
