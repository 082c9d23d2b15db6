"""What is short-lived goes away."""

from datetime import timedelta

from identity.factors import actions, browsers
from identity.oidc.actions import forget_expired
from shared import clock
from tests.identity.factors.person import EMAIL
from tests.identity.people import People


def test_answered_challenges_and_unused_browsers_are_forgotten(people: People) -> None:
    people.sign_up(EMAIL)
    now, account_id = clock.now(), people.account_id()
    with people.world.database.transaction() as session:
        actions.spend_challenge(session, b"old", now - timedelta(minutes=1))
        actions.spend_challenge(session, b"young", now + timedelta(minutes=1))
        browsers.remember(session, account_id, b"o" * 32, "totp", now - timedelta(days=401))
        assert not forget_expired(session, now)
    assert people.world.scalar("SELECT count(*) FROM used_challenge") == 1
    assert people.world.scalar("SELECT count(*) FROM known_browser") == 1
