"""Which level of sign-in the client would like (Core, section 3.1.2.1)."""

from dataclasses import replace

from identity.oidc.core_acr import essential_acr, known_values
from identity.oidc.draft import Draft
from identity.oidc.errors import ProtocolError

_LONGEST = 512


def check_acr_values(draft: Draft) -> None:
    """Take the wanted levels that exist here, from the request or else from the registration.

    What ``claims`` demands comes first; values that are not known are passed over.
    """
    value = draft.params.get("acr_values") or ""
    if len(value) > _LONGEST:
        raise ProtocolError("invalid_request", f"acr_values must have at most {_LONGEST} letters")
    demanded = essential_acr(draft.asked) or ()
    wanted = value.split() or ([] if demanded else draft.known_client.options.default_acr_values)
    values = tuple(dict.fromkeys(known_values((*demanded, *wanted))))
    draft.asked = replace(draft.asked, acr_values=values)
