"""Programs that nobody here wrote sign a person in through the real pages, and out again."""

import pytest

from tests.interop.conftest import Foreign, Guest

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("mode", ["plain", "par+dpop", "jar+par", "jarm"])
def test_openid_client(foreign: Foreign, guest: Guest, mode: str) -> None:
    issuer = foreign.platform.values["CLACHAN_OIDC_ISSUER"]
    known = foreign.register(f"openid-client-{mode.replace('+', '-')}", "/callback")
    foreign.node("openid_client.mjs", known, ISSUER=issuer, MODE=mode, SCOPE="openid profile email")
    guest.page.goto(f"{known.base}/login")
    guest.sign_in()
    held = guest.held_json()
    userinfo = held["userinfo"]
    assert isinstance(userinfo, dict)
    assert userinfo.items() >= {"sub": held["sub"], "email": guest.email}.items()
    assert userinfo["email_verified"] is True
    assert held["refreshed"] is True
    assert held["type"] == ("dpop" if "dpop" in mode else "bearer")
    guest.page.goto(f"{known.base}/logout")
    guest.sees("Signed out")
    assert guest.page.url == f"{known.base}/goodbye"
    assert guest.is_asked_to_sign_in(f"{known.base}/login")


def test_authlib(foreign: Foreign, guest: Guest) -> None:
    issuer = foreign.platform.values["CLACHAN_OIDC_ISSUER"]
    known = foreign.register("authlib-client", "/callback")
    foreign.python("authlib_client.py", known, ISSUER=issuer, SCOPE="openid email")
    guest.page.goto(f"{known.base}/login")
    guest.sign_in()
    assert guest.email in guest.held()
    guest.page.goto(f"{known.base}/logout")
    guest.sees("Signed out")
    assert guest.is_asked_to_sign_in(f"{known.base}/login")


def test_express_openid_connect(foreign: Foreign, guest: Guest) -> None:
    """The demonstration's other body runs on it; nothing but its environment is ours."""
    address = foreign.platform.values["CLACHAN_GLENMORE_URL"]
    guest.page.goto(f"{address}/login")
    guest.sign_in()
    guest.sees("Report a repair")
    guest.page.goto(f"{address}/profile")
    assert guest.page.locator("#claim-email").inner_text() == guest.email
    guest.page.goto(f"{address}/logout")
    guest.page.wait_for_selector("#signed-out")
    assert guest.is_asked_to_sign_in(f"{address}/login")
