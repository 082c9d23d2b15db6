"""What the expression language refuses, and where."""


class ExpressionError(Exception):
    """One refused expression: a message, its column (from 1) and every further error found."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"column {column}: {message}")
        self.message = message
        self.column = column
        self.others: tuple[ExpressionError, ...] = ()

    @property
    def all(self) -> tuple["ExpressionError", ...]:
        """This error and the ones found after it."""
        return (self, *self.others)
