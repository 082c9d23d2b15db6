"""Wishes about asking the person again (Core, section 3.1.2.1)."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError

_PROMPTS = frozenset({"none", "login", "consent", "select_account", "create"})


def check_prompt(draft: Draft) -> None:
    """Take ``prompt``; ``none`` goes with nothing else (Core, section 3.1.2.1)."""
    words = tuple((draft.params.get("prompt") or "").split())
    if unknown := set(words) - _PROMPTS:
        raise ProtocolError("invalid_request", f"Unknown prompt: {min(unknown)[:60]}")
    if "none" in words and len(words) > 1:
        raise ProtocolError("invalid_request", "prompt none cannot be combined")
    draft.prompt = words
    draft.create_account = "create" in words
