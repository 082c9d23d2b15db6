"""The auditor's pack: a period of a body as one file that proves itself."""
