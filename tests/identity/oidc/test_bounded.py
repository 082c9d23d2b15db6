"""Short-lived rows go when their time is over, a million of them as well as one."""

import pytest
from sqlalchemy import text

from identity.oidc.actions import forget_expired
from shared import clock
from shared.db import Database

_FILL = (
    """
    INSERT INTO flow (id, browser_hash, client_id, profile, request, created_at, expires_at)
    SELECT gen_random_uuid(), sha256(n::text::bytea), 'council-client', 'oidc', '{}', now(),
           now() + CASE WHEN n <= 199000 THEN interval '-1 minute' ELSE interval '1 day' END
      FROM generate_series(1, 200000) AS n
    """,
    """
    INSERT INTO authorisation (id, client_id, profile, account_id, session_id, flow_id, subject,
           scopes, shared_scopes, redirect_uri, code_hash, code_expires_at, authenticated_at,
           methods, level, created_at, expires_at)
    SELECT gen_random_uuid(), 'council-client', 'oidc', gen_random_uuid(), gen_random_uuid(),
           gen_random_uuid(), 'someone', '{openid}', '{}', 'https://council.example/callback',
           sha256(n::text::bytea), now(), now(), '{pwd}', 'medium', now(),
           now() + CASE WHEN n <= 199000 THEN interval '-1 minute' ELSE interval '1 day' END
      FROM generate_series(1, 200000) AS n
    """,
    """
    INSERT INTO refresh_token (token_hash, authorisation_id, created_at, expires_at)
    SELECT sha256(id::text::bytea), id, created_at, expires_at FROM authorisation
    """,
    """
    INSERT INTO used_assertion (client_id, jti_hash, expires_at)
    SELECT 'council-client', sha256(n::text::bytea),
           now() + CASE WHEN n <= 299000 THEN interval '-1 minute' ELSE interval '1 day' END
      FROM generate_series(1, 300000) AS n
    """,
    """
    INSERT INTO revoked_access_token (jti, expires_at)
    SELECT n::text,
           now() + CASE WHEN n <= 99000 THEN interval '-1 minute' ELSE interval '1 day' END
      FROM generate_series(1, 100000) AS n
    """,
)
_TABLES = ("flow", "authorisation", "refresh_token", "used_assertion", "revoked_access_token")


@pytest.mark.committed
def test_a_million_rows_are_forgotten_in_batches(identity_database: Database) -> None:
    """Each batch is one short transaction, so nobody waits for the cleaner."""
    with identity_database.transaction() as session:
        for statement in _FILL:
            session.execute(text(statement))
    batches, more = 0, True
    while more:
        with identity_database.transaction() as session:
            more = forget_expired(session, clock.now())
            batches += 1
    assert batches == 60  # 299,000 in batches of 5,000, which the longest table takes
    with identity_database.transaction() as session:
        left = {
            table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in _TABLES
        }
    assert left == dict.fromkeys(_TABLES, 1000)
