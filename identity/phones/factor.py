"""The telephone as a second factor: a text to a mobile, a call to a landline."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.codes.actions import start_check, use_check
from identity.factors.interface import Check, SecondFactor, Words
from identity.phones.queries import get_phone, get_phone_kind
from shared.errors import Problem

_PROOFS = {"mobile": "sms_code", "landline": "voice_code"}
_CHANNELS = {"sms": "sms_code", "voice": "voice_code"}
# Only the newest code of an attempt or session counts.
_NEWEST = text(
    """
    SELECT id FROM contact_check
     WHERE account_id = :account_id AND subject_id = :subject_id AND purpose = 'phone_factor'
       AND browser_hash = :browser_hash
     ORDER BY created_at DESC, id DESC LIMIT 1
    """
)


class PhoneFactor(SecondFactor):
    """A code to the confirmed telephone of an account."""

    name = "phone"
    rank = 40
    sends = True
    words = Words(
        choice="A code to your telephone",
        heading="Enter the code we sent to your telephone",
        label="Code",
        hint="6 digits, by text or by a call that reads them out",
        empty="Enter the code we sent",
        wrong="The code is not right or no longer good. Ask for a new code, or try another way",
    )

    def proves(self, session: Session, account_id: UUID) -> tuple[str, ...]:
        """Return what the account's telephone proves."""
        kind = get_phone_kind(session, account_id)
        return (_PROOFS[kind],) if kind else ()

    def start(self, check: Check) -> None:
        """Send a code; where too many were sent nothing is, and the page says so."""
        phone = get_phone(check.session, check.account_id, check.vault.sealer)
        if phone is None:
            return
        try:
            with check.session.begin_nested():
                start_check(
                    check.session,
                    check.vault,
                    purpose="phone_factor",
                    target=phone.target,
                    account_id=check.account_id,
                    browser_hash=check.browser_hash,
                    language=check.language,
                    now=check.now,
                    subject_id=check.check_id,
                )
        except Problem as problem:
            if problem.code != "too_many_codes":
                raise

    def describe(self, check: Check) -> str:
        """Say that a code went to the telephone, or that none may go now."""
        phone = get_phone(check.session, check.account_id, check.vault.sealer)
        if phone is None or _newest(check) is None:
            return "We cannot send a code to your telephone now. Try another way."
        if phone.kind == "landline":
            return "We are calling your telephone and read the code out twice."
        return "We have sent a text with the code to your telephone."

    def check(self, check: Check, typed: str) -> str | None:
        """Return what the telephone proves for the newest code, once."""
        newest = _newest(check)
        if newest is None:
            return None
        used = use_check(
            check.session,
            check.vault,
            check_id=newest,
            browser_hash=check.browser_hash,
            purpose="phone_factor",
            code=typed,
            now=check.now,
        )
        return _CHANNELS.get(used.target.channel) if used else None


def _newest(check: Check) -> UUID | None:
    values = {
        "account_id": check.account_id,
        "subject_id": check.check_id,
        "browser_hash": check.browser_hash,
    }
    return check.session.execute(_NEWEST, values).scalar_one_or_none()
