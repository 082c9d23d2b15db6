"""ScotAccount's own prompt (S15)."""

from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError


def check_dis_prompt(draft: Draft) -> None:
    """Take ScotAccount's own prompt, which opens sign-up (S15)."""
    values = draft.params.all("dis_prompt")
    if not values or not draft.call.profile.bare_id_token:
        return
    if len(values) > 1:
        listed = ", ".join(values)[:120]
        raise ProtocolError(
            "invalid_dis_prompt", f"Invalid dis_prompt: found more than one: {listed}"
        )
    if values[0] != "create_account":
        raise ProtocolError("invalid_dis_prompt", f"Invalid dis_prompt: {values[0][:60]}")
    draft.create_account = True
