"""What owners are told about their account, in their language; each notice goes to every channel.

A notice carries a link without rights: it leads to a page that asks who is there.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from shared.ids import new_id
from shared.outbox import enqueue

TELL_TOPIC = "identity.recovery.tell"
SENTENCES: Mapping[str, Mapping[str, str]] = {
    "email_changed": {
        "en": "The email address of your account was changed.",
        "gd": "Chaidh seòladh puist-d a’ chunntais agad atharrachadh.",
    },
    "email_waits": {
        "en": "Somebody says that you lost your email address and asked for another in its place."
        " It will be changed in some days unless you stop it.",
        "gd": "Tha cuideigin ag ràdh gun do chaill thu do sheòladh puist-d agus dh’iarr iad fear"
        " eile na àite. Thèid atharrachadh ann am beagan làithean mura cuir thu stad air.",
    },
    "phone_added": {
        "en": "A telephone was added to your account.",
        "gd": "Chaidh fòn a chur ris a’ chunntas agad.",
    },
    "phone_changed": {
        "en": "The telephone of your account was changed.",
        "gd": "Chaidh fòn a’ chunntais agad atharrachadh.",
    },
    "phone_removed": {
        "en": "The telephone was removed from your account.",
        "gd": "Chaidh am fòn a thoirt air falbh bhon chunntas agad.",
    },
    "phone_waits": {
        "en": "Somebody says that you lost your telephone. It will be removed from your account in"
        " some days unless you stop it.",
        "gd": "Tha cuideigin ag ràdh gun do chaill thu am fòn agad. Thèid a thoirt air falbh bhon"
        " chunntas agad ann am beagan làithean mura cuir thu stad air.",
    },
    "soon": {
        "en": "A change of your account that was asked for happens tomorrow unless you stop it.",
        "gd": "Thachras atharrachadh a chaidh iarraidh air a’ chunntas agad a-màireach mura cuir"
        " thu stad air.",
    },
    "password_changed": {
        "en": "The password of your account was changed.",
        "gd": "Chaidh facal-faire a’ chunntais agad atharrachadh.",
    },
    "closing": {
        "en": "You closed your account. Sign in within 14 days if you want to keep it.",
        "gd": "Dhùin thu an cunntas agad. Clàraich a-steach taobh a-staigh 14 latha ma tha thu"
        " airson a chumail.",
    },
    "kept": {
        "en": "Your account stays: it will not be deleted.",
        "gd": "Mairidh an cunntas agad: cha tèid a sguabadh às.",
    },
    "frozen": {
        "en": "Somebody said that a change of your account was not theirs. We undid it and signed"
        " your account out everywhere. Set a new password to sign in again.",
        "gd": "Thuirt cuideigin nach b’ iadsan a rinn atharrachadh air a’ chunntas agad. Chuir"
        " sinn air ais e agus chlàraich sinn a-mach thu anns gach àite. Tagh facal-faire ùr gus"
        " clàradh a-steach a-rithist.",
    },
}


def tell_everywhere(
    session: Session, account_id: UUID, what: str, *, change_id: UUID | None = None
) -> None:
    """Tell the owner by email and telephone; with a change also at the address or number before.

    Refuses a notice that has no words.
    """
    if what not in SENTENCES:
        raise KeyError(what)
    payload = {"account_id": str(account_id), "what": what, "notice_id": str(new_id())}
    if change_id is not None:
        payload["change_id"] = str(change_id)
    enqueue(session, TELL_TOPIC, payload)
