"""Bills that a body issues: by hand, by program and by the file; paid through providers."""
