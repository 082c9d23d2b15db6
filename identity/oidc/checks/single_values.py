"""No parameter twice (RFC 6749, section 3.1)."""

from identity.oidc.draft import Draft


def check_single_values(draft: Draft) -> None:
    """Refuse a parameter that was given twice; ``dis_prompt`` has a refusal of its own.

    Only ``resource`` may be repeated (RFC 8707, section 2).
    """
    draft.params.check_single(but=("dis_prompt", "resource"))
