"""Migrations of one service: its schema, its version table, under one lock, with short waits."""

from pathlib import Path

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, text
from sqlalchemy.pool import NullPool

_ROOT = Path(__file__).resolve().parent.parent

FLOOR_V1 = """
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY,
  topic text NOT NULL,
  key text,
  payload jsonb NOT NULL,
  correlation_id text NOT NULL,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  due_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  published_count smallint NOT NULL DEFAULT 0,
  attempt integer NOT NULL DEFAULT 0,
  lease_until timestamptz,
  last_error text,
  done_at timestamptz,
  dead_at timestamptz,
  CONSTRAINT pk_outbox PRIMARY KEY (id)
);
CREATE UNIQUE INDEX uq_outbox_topic_key ON outbox (topic, key) WHERE key IS NOT NULL;
CREATE INDEX ix_outbox_waiting ON outbox (due_at, id) WHERE done_at IS NULL AND dead_at IS NULL;

CREATE TABLE audit_event (
  id uuid,
  at timestamptz NOT NULL DEFAULT now(),
  correlation_id text NOT NULL,
  actor_kind text NOT NULL,
  actor_id text NOT NULL,
  actor_organisation text,
  actor_name text NOT NULL,
  action text NOT NULL,
  object_type text NOT NULL,
  object_id text NOT NULL,
  details jsonb NOT NULL,
  CONSTRAINT pk_audit_event PRIMARY KEY (id)
);
CREATE INDEX ix_audit_event_object ON audit_event (object_type, object_id, id);
CREATE INDEX ix_audit_event_correlation_id ON audit_event (correlation_id);
REVOKE UPDATE, DELETE, TRUNCATE ON audit_event FROM {role};

CREATE TABLE idempotency_key (
  scope text,
  key text,
  request_hash bytea NOT NULL,
  status smallint NOT NULL,
  body jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_idempotency_key PRIMARY KEY (scope, key)
);
CREATE INDEX ix_idempotency_key_expires_at ON idempotency_key (expires_at);

CREATE TABLE web_session (
  id_hash bytea,
  subject text NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_web_session PRIMARY KEY (id_hash)
);
CREATE INDEX ix_web_session_expires_at ON web_session (expires_at);

CREATE TABLE login_attempt (
  state_hash bytea,
  browser_hash bytea NOT NULL,
  nonce text NOT NULL,
  code_verifier text NOT NULL,
  return_to text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_login_attempt PRIMARY KEY (state_hash)
);
CREATE INDEX ix_login_attempt_expires_at ON login_attempt (expires_at);
"""


def create_floor(service: str) -> None:
    """Create the floor's tables (first version) in the schema that the migration runs in."""
    op.execute(FLOOR_V1.format(role=service))


BACKCHANNEL_LOGOUT = """
ALTER TABLE web_session ADD COLUMN sid text;
CREATE INDEX ix_web_session_sid ON web_session (sid) WHERE sid IS NOT NULL;
CREATE INDEX ix_web_session_subject ON web_session (subject);

CREATE TABLE used_logout_token (
  jti_hash bytea,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_used_logout_token PRIMARY KEY (jti_hash)
);
CREATE INDEX ix_used_logout_token_expires_at ON used_logout_token (expires_at);
"""


def add_backchannel_logout() -> None:
    """Let the provider end sessions of the pages: by their ``sid``, with each token once."""
    op.execute(BACKCHANNEL_LOGOUT)


def remove_backchannel_logout() -> None:
    """Undo ``add_backchannel_logout``."""
    op.execute(
        "DROP TABLE used_logout_token; ALTER TABLE web_session DROP COLUMN sid;"
        " DROP INDEX ix_web_session_subject"
    )


def upgrade(service: str, url: str, revision: str = "head") -> None:
    """Bring a service's schema up to a revision; a second process waits for the first.

    Args:
        service: name of the service, which is its schema, folder and role.
        url: a login that may take the role ``<service>_owner``.
        revision: Alembic revision, ``head`` by default.
    """
    config = Config()
    config.set_main_option("script_location", str(_ROOT / service / "migrations"))
    config.attributes["url"] = url
    command.upgrade(config, revision)


def run_env(service: str, metadata: MetaData) -> None:
    """Do what an Alembic ``env.py`` does, the same way for each service.

    Takes the owner's role, one advisory lock per service, and short lock waits, so that a
    migration on a busy database gives up instead of stopping everybody.
    """
    engine = create_engine(context.config.attributes["url"], poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext(:name))"), {"name": service})
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '10min'"))
        connection.execute(text(f"SET ROLE {service}_owner"))
        connection.execute(text(f"SET search_path = {service}, public"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            version_table_schema=service,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()
