"""The GovStack payments building block as one more door, in both published shapes."""
