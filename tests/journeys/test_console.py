"""The console in a browser: registered without a script, accessible on a desk and on a phone."""
