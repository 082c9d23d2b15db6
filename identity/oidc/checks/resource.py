"""Where the access token will be used (RFC 8707)."""

from dataclasses import replace

from identity.oidc.draft import Draft
from identity.oidc.rfc8707_resource_indicators import take_resources


def check_resource(draft: Draft) -> None:
    """Take ``resource``, which may be given several times."""
    resources = take_resources(draft.call, draft.known_client, draft.params)
    if resources:
        draft.asked = replace(draft.asked, resources=resources)
