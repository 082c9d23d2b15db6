"""Shape B: resources, asynchronous answers with callbacks, published in 2025."""
