"""What the server does for connections of ours."""

import subprocess
import sys
import time

import psycopg
import pytest
from sqlalchemy import text

from shared.db import make_engine

_KEY = 77_012
# The lock is held by a statement that runs, not by a connection that idles.
_DIE_WITH_A_LOCK = f"""
import sys
from sqlalchemy import text
from shared.db import make_engine
with make_engine(sys.argv[1]).connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock({_KEY}), pg_sleep(25)"))
"""
_HELD = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = %s)"
_PATIENCE_SECONDS = 20


def test_what_a_killed_process_has_locked_is_free_again(payments_url: str) -> None:
    plain = payments_url.replace("postgresql+psycopg://", "postgresql://")
    command = [sys.executable, "-c", _DIE_WITH_A_LOCK, payments_url]
    with psycopg.connect(plain, autocommit=True) as connection:
        child = subprocess.Popen(command)
        end = time.monotonic() + _PATIENCE_SECONDS
        while connection.execute(_HELD, (_KEY,)).fetchone() != (True,):
            assert child.poll() is None
            assert time.monotonic() < end
        child.kill()
        child.wait()
        # The statement itself would run longer than this waits.
        connection.execute(f"SET lock_timeout = '{_PATIENCE_SECONDS}s'")
        connection.execute("SELECT pg_advisory_lock(%s)", (_KEY,))


@pytest.mark.parametrize(("bulk", "mode"), [(False, "auto"), (True, "force_custom_plan")])
def test_bulk_work_keeps_no_plan(payments_url: str, *, bulk: bool, mode: str) -> None:
    engine = make_engine(payments_url, bulk=bulk)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW plan_cache_mode")).scalar_one() == mode
    engine.dispose()
