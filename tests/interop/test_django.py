"""A Django site with govuk-onelogin-django, in an environment of its own (contract, section 3)."""

import pytest

from tests.interop.conftest import Foreign, Guest

pytestmark = pytest.mark.interop


def test_govuk_onelogin_django(foreign: Foreign, guest: Guest) -> None:
    issuer = f"{foreign.platform.url}/identity/onelogin"
    known = foreign.register(
        "onelogin-django-site",
        "/one-login/callback/",
        rsa=True,
        profile="onelogin",
        scopes=["openid", "email"],
        grant_types=["authorization_code"],
        pkce="exempt",
        id_token_alg="ES256",
    )
    foreign.django(known, OPENID_CONFIG_URL=f"{issuer}/.well-known/openid-configuration")
    guest.page.goto(f"{known.base}/one-login/login/")
    guest.sign_in()
    name, address = guest.held().split()
    assert name.startswith("urn:fdc:")
    assert address == guest.email
    guest.page.goto(f"{known.base}/log-out")
    guest.sees("Signed out")
    assert guest.is_asked_to_sign_in(f"{known.base}/one-login/login/")
