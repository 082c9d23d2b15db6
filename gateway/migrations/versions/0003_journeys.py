"""Journeys: versions of definitions, instances, their events, decisions, payouts and letters."""

from alembic import op

revision = "0003_journeys"
down_revision = "0002_catalogue"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE journey_version (
  service_id text,
  version text,
  body json NOT NULL,
  published_at timestamptz NOT NULL,
  CONSTRAINT pk_journey_version PRIMARY KEY (service_id, version)
);
REVOKE UPDATE, DELETE, TRUNCATE ON journey_version FROM gateway;

CREATE TABLE journey (
  service_id text,
  current_version text NOT NULL,
  published_at timestamptz NOT NULL,
  CONSTRAINT pk_journey PRIMARY KEY (service_id),
  CONSTRAINT fk_journey_service_id_current_version FOREIGN KEY (service_id, current_version)
    REFERENCES journey_version (service_id, version)
);

CREATE TABLE instance (
  id uuid,
  service_id text NOT NULL,
  version text NOT NULL,
  reference text NOT NULL,
  correlation_id text NOT NULL,
  state text NOT NULL,
  step text NOT NULL,
  attempt integer NOT NULL,
  rev integer NOT NULL,
  subject text,
  browser_hash bytea,
  language text NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  submitted_at timestamptz,
  finished_at timestamptz,
  CONSTRAINT pk_instance PRIMARY KEY (id),
  CONSTRAINT uq_instance_reference UNIQUE (reference),
  CONSTRAINT ck_instance_state CHECK (state IN
    ('draft', 'discarded', 'submitted', 'referred', 'awarded', 'refused', 'completed')),
  CONSTRAINT fk_instance_service_id_version FOREIGN KEY (service_id, version)
    REFERENCES journey_version (service_id, version)
);
CREATE INDEX ix_instance_subject ON instance (subject, updated_at);
CREATE UNIQUE INDEX uq_instance_browser_draft ON instance (browser_hash, service_id)
  WHERE state = 'draft' AND browser_hash IS NOT NULL;
CREATE UNIQUE INDEX uq_instance_subject_draft ON instance (subject, service_id)
  WHERE state = 'draft' AND subject IS NOT NULL;

CREATE TABLE instance_event (
  instance_id uuid,
  rev integer,
  move text NOT NULL,
  from_state text NOT NULL,
  to_state text NOT NULL,
  step text NOT NULL,
  actor_kind text NOT NULL,
  details jsonb NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT pk_instance_event PRIMARY KEY (instance_id, rev),
  CONSTRAINT fk_instance_event_instance_id FOREIGN KEY (instance_id) REFERENCES instance (id)
);
REVOKE UPDATE, DELETE, TRUNCATE ON instance_event FROM gateway;

CREATE TABLE decision (
  instance_id uuid,
  outcome text NOT NULL,
  amount_pence bigint,
  on_date date NOT NULL,
  sealed bytea NOT NULL,
  decided_at timestamptz NOT NULL,
  CONSTRAINT pk_decision PRIMARY KEY (instance_id),
  CONSTRAINT fk_decision_instance_id FOREIGN KEY (instance_id) REFERENCES instance (id)
);

CREATE TABLE payout (
  instance_id uuid,
  step text,
  attempt integer,
  amount_pence bigint NOT NULL,
  state text NOT NULL,
  payment_id text,
  reason text NOT NULL,
  requested_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_payout PRIMARY KEY (instance_id, step, attempt),
  CONSTRAINT uq_payout_payment_id UNIQUE (payment_id),
  CONSTRAINT ck_payout_state CHECK (state IN
    ('requested', 'accepted', 'approved', 'sent', 'paid', 'refused', 'stopped', 'returned')),
  CONSTRAINT fk_payout_instance_id FOREIGN KEY (instance_id) REFERENCES instance (id)
);

CREATE TABLE letter (
  instance_id uuid,
  step text,
  attempt integer,
  message_id text NOT NULL,
  sent_at timestamptz NOT NULL,
  opened_at timestamptz,
  CONSTRAINT pk_letter PRIMARY KEY (instance_id, step, attempt),
  CONSTRAINT uq_letter_message_id UNIQUE (message_id),
  CONSTRAINT fk_letter_instance_id FOREIGN KEY (instance_id) REFERENCES instance (id)
);

CREATE TABLE case_notice (
  id uuid,
  instance_id uuid NOT NULL,
  type text NOT NULL,
  subject_id text NOT NULL,
  state text NOT NULL,
  reason text NOT NULL,
  occurred_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  CONSTRAINT pk_case_notice PRIMARY KEY (id),
  CONSTRAINT fk_case_notice_instance_id FOREIGN KEY (instance_id) REFERENCES instance (id)
);
CREATE INDEX ix_case_notice_instance_id ON case_notice (instance_id);
REVOKE UPDATE, DELETE, TRUNCATE ON case_notice FROM gateway;
"""


def upgrade() -> None:
    op.execute(_TABLES)


def downgrade() -> None:
    op.execute(
        "DROP TABLE case_notice, letter, payout, decision, instance_event, instance, journey,"
        " journey_version"
    )
