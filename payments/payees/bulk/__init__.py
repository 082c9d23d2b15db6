"""Name checks of whole files, at a pace the responder can bear."""
