"""OpenID Connect Front-Channel Logout: https://openid.net/specs/openid-connect-frontchannel-1_0.html
Implemented: sections 2 and 3; every frame is told `iss` and `sid`; a visible button leads back.
Left out: waiting for the frames, which nobody can see into; back-channel logout is the sure way.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from urllib.parse import quote, urlencode
from uuid import UUID

from identity.logout.queries import list_session_clients
from identity.oidc.core_subjects import sid_of
from identity.oidc.provider import Call


def list_frames(call: Call, session_id: UUID) -> list[str]:
    """Return the pages of clients that have to be loaded when a session ends.

    The clients may be those of any issuer of ours: one session serves them all.
    """
    frames = []
    for client_id in list_session_clients(call.session, session_id):
        client = call.provider.clients.find(call.session, client_id)
        if client is None or client.options.frontchannel_logout_uri is None:
            continue
        address = client.options.frontchannel_logout_uri
        told = {
            "iss": call.provider.issuers[client.profile].url,
            "sid": sid_of(session_id, client_id, call.keys.salt),
        }
        separator = "&" if "?" in address else "?"
        frames.append(f"{address}{separator}{urlencode(told, quote_via=quote)}")
    return frames


def frame_sources(frames: list[str]) -> list[str]:
    """Return the sources that the page's policy names: these addresses and no others."""
    # A query is no part of a source; the two letters that end a source are written in another way.
    return [frame.partition("?")[0].replace(";", "%3B").replace(",", "%2C") for frame in frames]
