"""The inbox as HTML: what a person opens to read a code. Every value is escaped, no scripts."""

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from urllib.parse import quote
from zoneinfo import ZoneInfo

from notifications.channels.simulator.contents import Contents
from notifications.channels.simulator.store import Playing

_LONDON = ZoneInfo("Europe/London")
_LINK = re.compile(r"https?://[^\s<>\"]+")
_PREVIEW_LENGTH = 160
REFRESH_SECONDS = 5
_FAULTS = (
    ("none", "Work as it should"),
    ("refuse", "Refuse the address (550 5.1.1): the email fails for good"),
    ("temporary", "Say “try again later” (451 4.3.0): the email is tried again"),
    ("drop", "Keep the email, then cut the line before answering: it is sent twice"),
    ("slow", "Answer after 15 seconds"),
)
STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { background: #f2f4f7; color: #1a1a1a; font: 1.0625rem/1.5 system-ui, sans-serif; margin: 0; }
header { background: #2b2540; color: #fff; padding: .75rem 1rem; }
header div, main { margin: 0 auto; max-width: 46rem; }
header a { color: #fff; font-size: 1.25rem; font-weight: 700; }
header p { margin: 0; }
main { padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0 1rem; overflow-wrap: anywhere; }
a { color: #3b2fa8; }
a:focus, button:focus, input:focus { outline: 3px solid #f5b400; outline-offset: 2px; }
form.search { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: 1rem; }
form.search label { flex-basis: 100%; font-weight: 600; }
input[type=search], input[type=number] { border: 2px solid #5c5c6b; border-radius: 4px;
  font: inherit; padding: .5rem; }
input[type=search] { flex: 1 1 12rem; min-width: 0; }
button { background: #3b2fa8; border: 0; border-radius: 4px; color: #fff; cursor: pointer;
  font: inherit; font-weight: 600; padding: .6rem 1.25rem; }
ol { list-style: none; margin: 0; padding: 0; }
.mail { background: #fff; border: 1px solid #d5d7de; border-radius: 6px; margin: 0 0 .75rem;
  padding: 1rem; }
.mail h2 { font-size: 1.125rem; margin: 0 0 .25rem; }
.mail p { margin: .25rem 0 0; overflow-wrap: anywhere; }
.small { color: #50505c; font-size: .9375rem; }
.code { font-size: 2rem; font-weight: 700; letter-spacing: .12em; line-height: 1.3; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
.warning { background: #fff4d6; border-left: 6px solid #b06f00; margin: 0 0 1rem; padding: .75rem; }
dl { display: grid; gap: .25rem 1rem; grid-template-columns: max-content minmax(0, 1fr);
  margin: 0 0 1rem; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
.choice { display: flex; gap: .75rem; margin: .5rem 0; }
.choice input { flex: none; height: 1.5rem; width: 1.5rem; }
fieldset { border: 0; margin: 0 0 1rem; padding: 0; }
legend { font-weight: 600; padding: 0; }
"""


def reload_header(to: str) -> str:
    """Return the value of the Refresh header with which the list loads itself anew."""
    return f"{REFRESH_SECONDS};url=/{f'?to={quote(to)}' if to else ''}"


def list_page(mails: Sequence[Contents], to: str, playing: Playing, *, reloads: bool) -> str:
    """Return the list of emails, newest first; it can be kept from loading itself anew."""
    items = "".join(_item(mail) for mail in mails)
    found = f"<ol>{items}</ol>" if mails else _nothing(to)
    heading = f"Emails to {escape(to)}" if to else "Inbox"
    everything = ' or <a href="/">show all emails</a>' if to else ""
    again = f"/?to={quote(to)}"
    reloading = (
        f"This page loads itself anew every {REFRESH_SECONDS} seconds."
        f' <a href="{escape(again)}&amp;reload=no">Stop that</a>.'
        if reloads
        else f'<a href="{escape(again)}">Load this page anew every {REFRESH_SECONDS} seconds</a>.'
    )
    return frame(
        heading,
        f"<h1>{heading}</h1>{_fault_warning(playing)}"
        f'<p class="small">Newest first. {reloading}</p>'
        f'<p class="small"><a href="/search">Search by address</a>{everything}, or see'
        f' <a href="/texts">texts and calls</a></p>{found}',
    )


def search_page() -> str:
    """Return the search on a page of its own, so that no reload takes away what is being typed."""
    return frame(
        "Search",
        '<p><a href="/">Back to the inbox</a></p><h1>Search by address</h1>'
        '<form class="search" role="search" action="/">'
        '<label for="to">Email address, or a part of it</label>'
        '<input type="search" id="to" name="to" autocomplete="off" autocapitalize="none"'
        ' spellcheck="false"><button>Search</button></form>',
    )


def _nothing(to: str) -> str:
    if to:
        return "<p>No email to such an address yet.</p>"
    return "<p>No email has arrived yet. When the platform sends one, it appears here.</p>"


def _item(contents: Contents) -> str:
    code = f'<p class="code">{contents.code}</p>' if contents.code else ""
    link = f"<p>{_linked(contents.links[0])}</p>" if contents.links else ""
    preview = " ".join(contents.text.split())
    short = preview[:_PREVIEW_LENGTH] + ("…" if len(preview) > _PREVIEW_LENGTH else "")
    return (
        f'<li class="mail"><h2><a href="/messages/{contents.mail.id}">'
        f"{escape(contents.subject)}</a></h2>"
        f'<p class="small">To {escape(", ".join(contents.mail.recipients))},'
        f" {moment(contents.mail.received_at)}</p>{code}<p>{escape(short)}</p>{link}</li>"
    )


def mail_page(contents: Contents) -> str:
    """Return one email: its words with links that work, and the headers below."""
    code = f'<p class="code">{contents.code}</p>' if contents.code else ""
    headers = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in contents.headers
    )
    number = contents.mail.id
    return frame(
        contents.subject,
        f'<p><a href="/">Back to the inbox</a></p><h1>{escape(contents.subject)}</h1>'
        f"<dl><dt>From</dt><dd>{escape(contents.sender)}</dd>"
        f"<dt>To</dt><dd>{escape(', '.join(contents.mail.recipients))}</dd>"
        f"<dt>Received</dt><dd>{moment(contents.mail.received_at)}</dd></dl>"
        f'<div class="mail">{code}<div class="text">{_linked(contents.text.strip())}</div></div>'
        f"<details><summary>Technical details</summary><dl>{headers}</dl>"
        f'<p><a href="/messages/{number}/raw">Show the email as it was sent</a></p></details>',
    )


def missing_page() -> str:
    """Return the page for an email that is not there."""
    return frame(
        "Not found", '<h1>This email is not here</h1><p><a href="/">Back to the inbox</a></p>'
    )


def faults_page(playing: Playing) -> str:
    """Return the form that makes the server misbehave."""
    choices = "".join(
        f'<div class="choice"><input type="radio" name="kind" id="{kind}" value="{kind}"'
        f"{' checked' if kind == playing.kind else ''}>"
        f'<label for="{kind}">{escape(words)}</label></div>'
        for kind, words in _FAULTS
    )
    return frame(
        "Faults",
        '<p><a href="/">Back to the inbox</a></p><h1>Make the mail server misbehave</h1>'
        '<form method="post" action="/faults"><fieldset><legend>For the next emails</legend>'
        f"{choices}</fieldset>"
        '<p><label for="times">How many emails (0: until you change it)</label><br>'
        f'<input type="number" id="times" name="times" min="0" max="1000" value="{playing.times}">'
        "</p><button>Save</button></form>",
    )


def _fault_warning(playing: Playing) -> str:
    if playing.kind == "none":
        return ""
    words = dict(_FAULTS)[playing.kind]
    count = f" for {playing.times} more" if playing.times else ""
    return (
        f'<p class="warning">The mail server misbehaves{count}: {escape(words)}.'
        ' <a href="/faults">Change</a></p>'
    )


def _linked(text: str) -> str:
    """Return text with its web addresses as links; everything between them is escaped."""
    pieces, end = [], 0
    for found in _LINK.finditer(text):
        link = escape(found[0])
        pieces += [escape(text[end : found.start()]), f'<a href="{link}">{link}</a>']
        end = found.end()
    return "".join([*pieces, escape(text[end:])])


def moment(at: datetime) -> str:
    """Return an instant as people in London read it."""
    local = at.astimezone(_LONDON)
    return f"{local.day} {local:%B %Y, %H:%M:%S}"


def frame(title: str, body: str) -> str:
    """Return a whole page around its body, which is HTML already."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – Simulated mail server</title>"
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css"></head><body>'
        '<header><div><a href="/">Simulated mail server</a>'
        "<p>Emails that the platform sends end here and go to nobody.</p></div></header>"
        f'<main>{body}<p class="small"><a href="/faults">Make the mail server misbehave</a></p>'
        "</main></body></html>"
    )
