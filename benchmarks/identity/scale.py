"""What a sign-in costs with a million accounts and ten thousand clients, against few of each.

One web process on one durable PostgreSQL; each operation is another person at another client. CPU
of the web process and of PostgreSQL are added up, because a bad plan would show in the latter.

    python benchmarks/identity/scale.py [operations per turn] [turns]
"""

import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from provider import CALLBACK, CHALLENGE, Side, basic_of, database_cpu, start_ours
from provider import SECRET as _SECRET
from sqlalchemy import text

from deploy.local.postgres import Postgres
from shared.crypto import hash_token
from shared.db import Database

SMALL, LARGE = (1_000, 10), (1_000_000, 10_000)
COOKIE = "cookie-of-{}"
_SCALE = (
    """
    INSERT INTO relying_party (client_id, name, organisation, profile, first_party, auth_method,
           secret_hash, jwks, redirect_uris, post_logout_uris, scopes, grant_types, subject_type,
           sector, pkce, landing_page, id_token_alg, created_at, updated_at)
    SELECT 'scale-' || n, 'Scale', 'strathclachan', 'oidc', false, 'client_secret_basic',
           :secret, '[]', ARRAY[:callback], '{}', '{openid}', '{authorization_code,refresh_token}',
           'pairwise', 'council.example', 'required', '', 'ES256', now(), now()
      FROM generate_series(1, :clients) AS n ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO account (id, email_index, email_sealed, email_confirmed_at, email_check_id,
           password_hash, password_changed_at, language, created_at)
    SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           sha256(('account' || n)::bytea), ''::bytea, now(), gen_random_uuid(), 'none', now(),
           'en', now()
      FROM generate_series(1, :accounts) AS n ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO sign_in_session (id, cookie_hash, account_id, authenticated_at, methods, level,
           level_policy, device, last_seen_at, idle_at, ends_at)
    SELECT gen_random_uuid(), sha256(('cookie-of-' || n)::bytea),
           ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now(), '{pwd,otp}',
           'medium', '1', 'Bench', now(), now() + interval '4 hours', now() + interval '4 hours'
      FROM generate_series(1, :accounts) AS n ON CONFLICT DO NOTHING
    """,
)


def fill(database: Database, accounts: int, clients: int) -> None:
    """Bring the tables to a size; what is there stays."""
    values = {
        "accounts": accounts,
        "clients": clients,
        "callback": CALLBACK,
        "secret": hash_token(_SECRET),
    }
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in _SCALE:
            session.execute(text(statement), values)


def sign_in(side: Side, accounts: int, clients: int, chance: random.Random) -> None:
    """Sign one of the people in to one of the clients."""
    client_id = f"scale-{chance.randint(1, clients)}"
    cookie = f"clachan-session={COOKIE.format(chance.randint(1, accounts))}"
    code = side.code(client_id, cookie, CHALLENGE)
    side.redeem(code, basic_of(client_id))


def measure(
    side: Side, work: tuple[int, int], operations: int, server: Postgres
) -> tuple[float, float]:
    """Return the CPU of the web process and of PostgreSQL per operation."""
    chance = random.Random(work[1])  # noqa: S311 - the same people in every run
    before = side.cpu(), database_cpu(server)
    for _ in range(operations):
        sign_in(side, *work, chance)
    after = side.cpu(), database_cpu(server)
    return (after[0] - before[0]) / operations, (after[1] - before[1]) / operations


def main(operations: int = 1500, turns: int = 5) -> None:
    """Measure both sizes, the best turn of each, and print their ratio."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        side, server, database = start_ours(stack, Path(folder))
        best: dict[tuple[int, int], tuple[float, float]] = {}
        for work in (SMALL, LARGE):
            fill(database, *work)
            side.connect()  # the server closed the connection meanwhile
            measure(side, work, 500, server)
            found = [measure(side, work, operations, server) for _ in range(turns)]
            best[work] = min(found, key=sum)
        for (accounts, clients), (web, stored) in best.items():
            print(
                f"{accounts:>9,} accounts, {clients:>6,} clients:"
                f" web {web * 1000:.3f} ms, PostgreSQL {stored * 1000:.3f} ms"
            )
        print(f"ratio {sum(best[LARGE]) / sum(best[SMALL]):.2f}   (goal 1.3)")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
