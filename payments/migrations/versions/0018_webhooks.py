"""Addresses that are told about payments, and every delivery."""

from alembic import op

revision = "0018_webhooks"
down_revision = "0017_vouchers"
branch_labels = None
depends_on = None

_ENDPOINTS = """
CREATE TABLE webhook_endpoint (
  id uuid,
  organisation text NOT NULL,
  client_id text,
  url text NOT NULL,
  description text NOT NULL,
  event_types text[] NOT NULL,
  state text NOT NULL,
  state_reason text NOT NULL DEFAULT '',
  state_at timestamptz NOT NULL,
  failing_since timestamptz,
  failures integer NOT NULL DEFAULT 0,
  paused_until timestamptz,
  lease_until timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_webhook_endpoint PRIMARY KEY (id),
  CONSTRAINT fk_webhook_endpoint_organisation_body
    FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT ck_webhook_endpoint_state
    CHECK (state IN ('enabled', 'switched_off', 'suspended', 'removed')),
  CONSTRAINT ck_webhook_endpoint_event_types CHECK (cardinality(event_types) > 0),
  CONSTRAINT ck_webhook_endpoint_url CHECK (length(url) BETWEEN 8 AND 2000)
);
CREATE INDEX ix_webhook_endpoint_organisation ON webhook_endpoint (organisation, created_at);
CREATE TABLE webhook_secret (
  id uuid,
  endpoint_id uuid NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL,
  shown_at timestamptz,
  valid_until timestamptz,
  CONSTRAINT pk_webhook_secret PRIMARY KEY (id),
  CONSTRAINT fk_webhook_secret_endpoint_id_webhook_endpoint
    FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoint (id)
);
CREATE INDEX ix_webhook_secret_endpoint_id ON webhook_secret (endpoint_id, created_at);
CREATE UNIQUE INDEX uq_webhook_secret_current ON webhook_secret (endpoint_id)
  WHERE valid_until IS NULL;
"""
_DELIVERIES = """
CREATE TABLE webhook_event (
  id bigint GENERATED ALWAYS AS IDENTITY,
  message_id uuid NOT NULL DEFAULT gen_random_uuid(),
  organisation text NOT NULL,
  type text NOT NULL,
  subject text NOT NULL,
  client_id text,
  occurred_at timestamptz NOT NULL,
  data jsonb NOT NULL,
  CONSTRAINT pk_webhook_event PRIMARY KEY (id),
  CONSTRAINT uq_webhook_event_message_id UNIQUE (message_id)
);
CREATE INDEX ix_webhook_event_organisation_occurred_at
  ON webhook_event (organisation, occurred_at);
CREATE INDEX ix_webhook_event_organisation_subject ON webhook_event (organisation, subject);
CREATE TABLE webhook_delivery (
  endpoint_id uuid,
  event_id bigint,
  state text NOT NULL DEFAULT 'waiting',
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL,
  last_status integer,
  done_at timestamptz,
  CONSTRAINT pk_webhook_delivery PRIMARY KEY (endpoint_id, event_id),
  CONSTRAINT fk_webhook_delivery_endpoint_id_webhook_endpoint
    FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoint (id),
  CONSTRAINT fk_webhook_delivery_event_id_webhook_event
    FOREIGN KEY (event_id) REFERENCES webhook_event (id),
  CONSTRAINT ck_webhook_delivery_state CHECK (state IN ('waiting', 'delivered', 'given_up')),
  CONSTRAINT ck_webhook_delivery_done CHECK ((done_at IS NULL) = (state = 'waiting'))
);
CREATE INDEX ix_webhook_delivery_waiting ON webhook_delivery (endpoint_id, due_at, event_id)
  WHERE state = 'waiting';
CREATE INDEX ix_webhook_delivery_given_up ON webhook_delivery (endpoint_id, event_id)
  WHERE state = 'given_up';
CREATE TABLE webhook_attempt (
  id bigint GENERATED ALWAYS AS IDENTITY,
  endpoint_id uuid NOT NULL,
  event_id bigint NOT NULL,
  at timestamptz NOT NULL,
  status integer,
  error text NOT NULL,
  duration_ms integer NOT NULL,
  CONSTRAINT pk_webhook_attempt PRIMARY KEY (id),
  CONSTRAINT ck_webhook_attempt_duration CHECK (duration_ms >= 0)
);
CREATE INDEX ix_webhook_attempt_event_id ON webhook_attempt (event_id, endpoint_id, id);
REVOKE UPDATE, TRUNCATE ON webhook_attempt, webhook_event FROM payments;
"""


def upgrade() -> None:
    op.execute(_ENDPOINTS)
    op.execute(_DELIVERIES)


def downgrade() -> None:
    op.execute(
        "DROP TABLE webhook_attempt, webhook_delivery, webhook_event, webhook_secret,"
        " webhook_endpoint"
    )
