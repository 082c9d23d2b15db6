"""The second factors there are, who has which, and one counted try with one of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from identity.accounts import limits
from identity.accounts.actions import tell_owner
from identity.accounts.vault import Vault
from identity.factors import actions, browsers, ceremonies, rules
from identity.factors.ceremonies import Challenges, PasskeyRefusedError
from identity.factors.interface import Check, SecondFactor, Words
from identity.factors.queries import (
    PasskeyView,
    count_backup_codes,
    find_passkey,
    find_totp,
    has_totp,
    list_passkeys,
    list_proofs,
)
from identity.phones.factor import PhoneFactor
from identity.signin.levels import CURRENT
from identity.signin.rules import FACTOR_PAUSE, FACTOR_TRIES, is_level_enough


class PasskeyFactor(SecondFactor):
    """A passkey of an account that is known already."""

    name = "passkey"
    rank = 10
    is_numeric = False
    is_guessable = False
    words = Words(
        choice="A passkey",
        heading="Use your passkey",
        label="",
        hint="",
        empty="The browser has not used a passkey. Try again, or try another way",
        wrong="That passkey did not work here. Try again, or try another way",
    )

    def proves(self, session: Session, account_id: UUID) -> tuple[str, ...]:
        """Return what the account's passkeys prove."""
        return tuple(dict.fromkeys(list_proofs(session, account_id)))

    def options(self, check: Check, only: frozenset[str] = frozenset()) -> str:
        """Return what the browser is asked; ``only`` leaves out passkeys that prove too little."""
        known = list_passkeys(check.session, check.vault, check.account_id)
        fitting = [one.key for one in known if not only or one.proves in only]
        return ceremonies.ask_to_sign(check.origin, _challenges(check).make(check.now), fitting)

    def check(self, check: Check, typed: str) -> str | None:
        """Return what the passkey that answered proves."""
        found = use_answer(
            check.session,
            check.vault,
            _challenges(check),
            typed,
            origin=check.origin,
            account_id=check.account_id,
            now=check.now,
        )
        return found.proves if found else None


def _challenges(check: Check) -> Challenges:
    return Challenges(check.vault, "check", check.browser_hash, check.check_id.bytes)


def use_answer(
    session: Session,
    vault: Vault,
    challenges: Challenges,
    answer: str,
    *,
    origin: str,
    account_id: UUID | None,
    now: datetime,
) -> PasskeyView | None:
    """Return the passkey that answered one of our challenges, None for any answer that is no good.

    Without an account the answer itself says whose it is, by the handle that the passkey keeps.
    The challenge is spent and the counter moves in the caller's transaction.
    """
    try:
        credential, challenge = ceremonies.read_signature(answer)
        ends_at = challenges.end_of(challenge, now)
        known = find_passkey(session, vault, credential.raw_id)
        if ends_at is None or known is None or account_id not in (None, known.account_id):
            return None
        signed = ceremonies.verify_signature(credential, challenge, origin, known.key)
    except PasskeyRefusedError:
        return None
    handle = credential.response.user_handle
    # A security key that was named to the browser may leave the handle out (WebAuthn, 7.2).
    if handle != actions.user_handle(vault, known.account_id) and (handle or account_id is None):
        return None
    if not actions.spend_challenge(session, challenge, ends_at):
        return None
    used = actions.use_passkey(session, known.account_id, known.id, signed, now)
    return known if used else None


class TotpFactor(SecondFactor):
    """A code of an authenticator app (RFC 6238)."""

    name = "totp"
    rank = 20
    words = Words(
        choice="A code from your authenticator app",
        heading="Enter the code from your authenticator app",
        label="Code",
        hint="6 digits. The app shows a new code every 30 seconds",
        empty="Enter the code from your authenticator app",
        wrong="The code is not right, or was used before. Enter the newest code from the app",
    )

    def proves(self, session: Session, account_id: UUID) -> tuple[str, ...]:
        """Return what the account's app proves."""
        level = has_totp(session, account_id)
        return (_totp_proof(level),) if level else ()

    def check(self, check: Check, typed: str) -> str | None:
        """Return what the app proves; each of its codes counts once."""
        known = find_totp(check.session, check.vault, check.account_id)
        step = rules.match_step(known.secret, typed, check.now) if known else None
        if step is None:
            return None
        level = actions.use_step(check.session, check.account_id, step, check.now)
        return None if level is None else _totp_proof(level)


def _totp_proof(enrolled_level: str) -> str:
    return "totp_unproven" if enrolled_level == "low" else "totp"


class BackupCodeFactor(SecondFactor):
    """A code from the person's sheet of paper."""

    name = "backup-code"
    rank = 90
    is_numeric = False
    words = Words(
        choice="A backup code",
        heading="Enter a backup code",
        label="Backup code",
        hint="10 letters and digits. Each code works once",
        empty="Enter one of your backup codes",
        wrong="The backup code is not right, or was used before",
    )

    def proves(self, session: Session, account_id: UUID) -> tuple[str, ...]:
        """Return the factor while codes are left."""
        return ("backup_code",) if count_backup_codes(session, account_id) else ()

    def check(self, check: Check, typed: str) -> str | None:
        """Return the factor for a code that was not used before."""
        used = actions.use_backup_code(
            check.session, check.vault, check.account_id, typed, check.now
        )
        return "backup_code" if used else None


PASSKEY = PasskeyFactor()
BACKUP_CODE = BackupCodeFactor()
# Where an emailed code stands among the factors; what ranks behind it is never offered first.
EMAIL_RANK = 80
# A further factor is one more entry here; pages find it by its name.
FACTORS: tuple[SecondFactor, ...] = (PASSKEY, TotpFactor(), PhoneFactor(), BACKUP_CODE)


@dataclass(frozen=True)
class Tried:
    """What one try came to: the proved factor, or none, or none because tries are paused."""

    proved: str | None
    is_paused: bool = False


def find_factor(name: str) -> SecondFactor | None:
    """Return the factor of a page's address."""
    return next((factor for factor in FACTORS if factor.name == name), None)


def list_ways(session: Session, account_id: UUID) -> list[SecondFactor]:
    """Return the factors that an account has, the strongest first; a backup code comes last."""
    having = [factor for factor in FACTORS if factor.proves(session, account_id)]
    return sorted(having, key=lambda factor: factor.rank)


def first_way(
    session: Session, account_id: UUID, browser_hash: bytes, now: datetime
) -> SecondFactor | None:
    """Return the way to offer: the one used in this browser last, else the strongest.

    None where nothing but an emailed code is there, or that was the person's choice here; a
    backup code is for emergencies and never offered first.
    """
    last = browsers.last_factor(session, account_id, browser_hash, now)
    ways = [way for way in list_ways(session, account_id) if way.rank < EMAIL_RANK]
    if last == "email_code" or not ways:
        return None
    chosen = next((way for way in ways if last in way.proves(session, account_id)), None)
    return chosen or ways[0]


def list_lifting_ways(
    session: Session, account_id: UUID, factors: tuple[str, ...], wanted: str
) -> dict[SecondFactor, frozenset[str]]:
    """Return the ways that lift a session to a level, and what of each does it."""
    lifting = {}
    for way in list_ways(session, account_id):
        enough = frozenset(
            proof
            for proof in way.proves(session, account_id)
            if is_level_enough(CURRENT.level_of((*factors, proof)), wanted)
        )
        if enough:
            lifting[way] = enough
    return lifting


def try_factor(check: Check, factor: SecondFactor, typed: str) -> Tried:
    """Count one try and make it; five wrong ones pause this factor for half an hour.

    Browsers that the account knows are counted each for itself and all strangers together, so
    whoever guesses elsewhere cannot keep the owner out. Only somebody with the password gets here.
    """
    if not factor.is_guessable:
        return Tried(factor.check(check, typed))
    known = browsers.is_known(check.session, check.account_id, check.browser_hash, check.now)
    subject = check.account_id.bytes + (check.browser_hash if known else b"")
    key = check.vault.counter_key(f"factor.{factor.name}", subject)
    tries = limits.take(check.session, key, FACTOR_TRIES, FACTOR_PAUSE, check.now)
    if tries > FACTOR_TRIES:
        return Tried(None, is_paused=True)
    proved = factor.check(check, typed)
    if proved is not None:
        limits.clear(check.session, key)
    elif tries == FACTOR_TRIES:
        tell_owner(check.session, check.account_id, "codes_paused")
    return Tried(proved)
