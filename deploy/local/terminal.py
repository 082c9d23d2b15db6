"""What the person at the terminal reads: one line for each event."""

import sys
import time

_COLOURS = {"ok": "32", "warn": "33", "bad": "31"}


def say(name: str, what: str, tone: str = "") -> None:
    """Print one line: the time, who, what. A terminal that went away is not worth dying for."""
    line = f"{time.strftime('%H:%M:%S')}  {name:<22} {what}"
    if tone and sys.stdout.isatty():
        line = f"\x1b[{_COLOURS[tone]}m{line}\x1b[0m"
    show(line)


def show(text: str, end: str = "\n") -> None:
    """Print text as it is."""
    try:
        print(text, end=end, flush=True)
    except (BrokenPipeError, OSError):
        return
