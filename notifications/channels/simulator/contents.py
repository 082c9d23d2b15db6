"""Reads an email as a person's mail program would: subject, words, code, links."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from notifications.channels.simulator.store import Mail

_CODE = re.compile(r"(?<![\w-])\d{6}(?![\w-])")
_DIGITS = {
    word: number
    for words in (
        "zero one two three four five six seven eight nine",
        "neoni aon dhà trì ceithir còig sia seachd ochd naoi",
    )
    for number, word in enumerate(words.split())
}
_SPOKEN = re.compile(rf"\b(?:{'|'.join(_DIGITS)})(?:, (?:{'|'.join(_DIGITS)})){{5}}\b")
_LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Contents:
    """An email, opened; ``code`` is the first run of six digits, empty without one."""

    mail: Mail
    sender: str
    subject: str
    text: str
    html: str
    code: str
    links: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]


def read_contents(mail: Mail) -> Contents:
    """Return what an email says; a broken one is shown as far as it can be read."""
    parsed = message_from_bytes(mail.raw, _class=EmailMessage, policy=default)
    text, html = _part(parsed, "plain"), _part(parsed, "html")
    return Contents(
        mail=mail,
        sender=str(parsed["From"] or mail.sender),
        subject=str(parsed["Subject"] or "(no subject)"),
        text=text,
        html=html,
        code=find_code(text),
        links=tuple(dict.fromkeys(_LINK.findall(text))),
        headers=tuple((name, str(value)) for name, value in parsed.items()),
    )


def find_code(words: str) -> str:
    """Return the first run of six digits, also of digits read aloud; empty without one."""
    spoken = _SPOKEN.search(words)
    if spoken:
        return "".join(str(_DIGITS[word]) for word in spoken[0].split(", "))
    found = _CODE.search(words)
    return found[0] if found else ""


def _part(parsed: EmailMessage, kind: str) -> str:
    body = parsed.get_body(preferencelist=(kind,))
    return str(body.get_content()).replace("\r\n", "\n") if body is not None else ""
