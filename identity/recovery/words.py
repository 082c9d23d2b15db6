"""What more than one page of recovery says."""

from shared.errors import FieldError

NOT_RIGHT = FieldError(
    "email",
    "The email address or the password is not right. After 5 wrong tries you have to wait"
    " 30 minutes",
)
