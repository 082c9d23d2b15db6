"""Bills and requests to pay in the words of the second shape."""
