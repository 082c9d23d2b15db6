"""What a code of an app is, what backup codes look like, what may be removed; pure."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pyotp
import segno

from shared.errors import FieldError, Invalid

SERVICE_NAME = "Sign in to public services"
CHALLENGE_LIFE = timedelta(minutes=10)
ENROLMENT_LIFE = timedelta(minutes=30)
BROWSER_LIFE = timedelta(days=400)
BROWSERS_KEPT = 20
PASSKEYS_KEPT = 20
NAME_MAXIMUM = 50
ANSWER_MAXIMUM = 16_384
# A change of the ways to sign in needs a proof that is at most this old.
FRESH_MINUTES = 15

CODE_DIGITS = 6
_STEP_SECONDS = 30
# A code of the step before or after is taken as well: clocks of phones are not exact.
_WINDOW = (0, -1, 1)

_QR_MARGIN = 4

BACKUP_CODES = 10
_BACKUP_LENGTH = 10
_BACKUP_HALF = 5
# No letter or digit that is taken for another one on paper: 31 of them, 49 bits a code.
_BACKUP_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def rp_id_of(origin: str) -> str:
    """Return the host to which passkeys belong: that of our public address."""
    return urlsplit(origin).hostname or ""


def origin_of(public_url: str) -> str:
    """Return scheme, host and port of our public address, as browsers say it."""
    parts = urlsplit(public_url)
    return f"{parts.scheme}://{parts.netloc}"


def proved_by(*, can_sync: bool, enrolled_level: str) -> str:
    """Return the factor of the level policy that a passkey proves.

    One that was added in a session of low level, such as after recovery, lifts nobody above low.
    """
    if enrolled_level == "low":
        return "passkey_unproven"
    return "passkey_synced" if can_sync else "passkey_bound"


def may_remove_passkey(*, has_password: bool, passkeys: int) -> bool:
    """Tell whether the account can still be reached without one of its passkeys."""
    return has_password or passkeys > 1


def has_usable_password(password_hash: str) -> bool:
    """Tell whether a stored value is the hash of a password that somebody can type."""
    return password_hash.startswith("$argon2")


def check_name(typed: str) -> str:
    """Return the name of a passkey; refuses none and a long one."""
    name = " ".join(typed.split())
    if not name:
        raise Invalid(FieldError("name", "Enter a name for the passkey, such as My phone"))
    if len(name) > NAME_MAXIMUM:
        raise Invalid(FieldError("name", "The name can have 50 characters at most"))
    return name


def clean_code(typed: str) -> str:
    """Return a typed code in the form that is compared: no blanks or dashes, small letters."""
    return "".join(typed.split()).replace("-", "").replace("\u00a0", "").lower()


def make_secret() -> str:
    """Return a fresh secret of an authenticator app: 160 bits in base32 (RFC 4226, section 4)."""
    return pyotp.random_base32()


def match_step(secret: str, typed: str, now: datetime) -> int | None:
    """Return the time step whose code was typed, None when it is none of the three around now."""
    code = clean_code(typed)
    if len(code) != CODE_DIGITS or not (code.isascii() and code.isdigit()):
        return None
    current = int(now.timestamp()) // _STEP_SECONDS
    app = pyotp.TOTP(secret, digits=CODE_DIGITS, interval=_STEP_SECONDS)
    # Every step is compared, so that the answer takes the same time for each.
    found = [
        step
        for step in (current + offset for offset in _WINDOW)
        if hmac.compare_digest(app.generate_otp(step), code)
    ]
    return found[0] if found else None


def app_address(secret: str, email: str) -> str:
    """Return the ``otpauth:`` address that a QR code carries to an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=SERVICE_NAME)


@dataclass(frozen=True)
class QrCode:
    """A QR code as one path of a picture that is ``size`` units wide and high."""

    size: int
    path: str


def draw_qr(text: str) -> QrCode:
    """Return a QR code as a path, with the margin that readers need around it."""
    rows = segno.make(text, error="m", micro=False).matrix
    dots = (
        f"M{column + _QR_MARGIN} {row + _QR_MARGIN}h1v1h-1z"
        for row, line in enumerate(rows)
        for column, is_dark in enumerate(line)
        if is_dark
    )
    return QrCode(len(rows) + 2 * _QR_MARGIN, "".join(dots))


def in_groups(secret: str) -> str:
    """Return a secret in groups of four, as people type it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def make_backup_codes() -> list[str]:
    """Return ten codes to keep on paper, written `abcde-fghjk`."""
    return [_backup_code() for _ in range(BACKUP_CODES)]


def _backup_code() -> str:
    letters = "".join(secrets.choice(_BACKUP_ALPHABET) for _ in range(_BACKUP_LENGTH))
    return f"{letters[:_BACKUP_HALF]}-{letters[_BACKUP_HALF:]}"
