"""RFC 9470: a resource asks for a stronger or newer sign-in."""

from datetime import timedelta

import pytest

from identity.oidc.core_acr import LEVELS
from identity.oidc.errors import ProtocolError
from identity.oidc.rfc9470_step_up import Needed, check_sign_in
from shared import clock
from tests.identity.oidc.world import OIDC, World, decode

NOW = clock.now()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("needed", LEVELS)
def test_a_level_answers_itself_and_every_lower_one(level: str, needed: str) -> None:
    good = LEVELS.index(level) >= LEVELS.index(needed)
    if good:
        check_sign_in(Needed(needed), level=level, authenticated_at=NOW, now=NOW)
        return
    with pytest.raises(ProtocolError) as refused:
        check_sign_in(Needed(needed), level=level, authenticated_at=NOW, now=NOW)
    assert refused.value.status == 401
    assert f'acr_values="{needed}"' in refused.value.challenge


def test_an_old_sign_in_is_answered_with_max_age() -> None:
    needed = Needed(max_age_seconds=300)
    fresh, old = NOW - timedelta(seconds=300), NOW - timedelta(seconds=301)
    check_sign_in(needed, level="low", authenticated_at=fresh, now=NOW)
    with pytest.raises(ProtocolError) as refused:
        check_sign_in(needed, level="high", authenticated_at=old, now=NOW)
    assert refused.value.challenge.startswith('Bearer error="insufficient_user_authentication"')
    assert refused.value.challenge.endswith("max_age=300")
    assert "acr_values" not in refused.value.challenge


def test_roles_are_not_shown_for_a_weak_sign_in(world: World) -> None:
    world.register(first_party=True)
    world.sign_in()
    world.execute("UPDATE sign_in_session SET level = 'low', methods = '{pwd}'")
    staff = world.tokens(scope="openid staff")
    plain = world.tokens(scope="openid email")
    assert decode(staff["access_token"])[1]["acr"] == "low"
    bearer = {"Authorization": f"Bearer {staff['access_token']}"}
    refused = world.http.get(f"{OIDC}/userinfo", headers=bearer)
    assert refused.status_code == 401
    assert refused.json()["error"] == "insufficient_user_authentication"
    challenge = refused.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'acr_values="medium"' in challenge
    bearer = {"Authorization": f"Bearer {plain['access_token']}"}
    assert world.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 200
    world.execute("UPDATE sign_in_session SET level = 'medium'")
    again = world.tokens(scope="openid staff")
    bearer = {"Authorization": f"Bearer {again['access_token']}"}
    assert "staff" in world.http.get(f"{OIDC}/userinfo", headers=bearer).json()
