"""Which pictures are shown and how long registration tokens live; pure."""

from datetime import timedelta

LOGO_TOPIC = "identity.registration.fetch_logo"
LARGEST_PICTURE = 131_072
LONGEST_LIFE = timedelta(days=90)
MOST_USES = 1000

# Vector pictures are left out: they may hold scripts.
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def picture_type(content: bytes) -> str | None:
    """Return the media type that the bytes show, whatever their host said; None for no picture."""
    for beginning, media_type in _BEGINNINGS.items():
        if content.startswith(beginning):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None
