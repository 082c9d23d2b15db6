"""Bodies, programmes, runs and payments; name checks; what happened to them."""

from alembic import op

revision = "0004_runs"
down_revision = "0003_bank"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_PAYEES)
    op.execute(_BODIES)
    op.execute(_RUNS)
    op.execute(_EVENTS)


def downgrade() -> None:
    op.execute("DROP TABLE run_event, run_approval, payment, run, programme, body, name_check")


_PAYEES = """
CREATE TABLE name_check (
  id uuid,
  organisation text NOT NULL,
  account_type text NOT NULL,
  name_sealed bytea NOT NULL,
  details_sealed bytea NOT NULL,
  payee_fingerprint bytea NOT NULL,
  modulus_result text NOT NULL,
  modulus_version text NOT NULL,
  policy_version text NOT NULL,
  asked_by_kind text NOT NULL,
  asked_by_id text NOT NULL,
  asked_by_name text NOT NULL,
  asked_at timestamptz NOT NULL,
  correlation_id text NOT NULL,
  outcome text,
  reason_code text,
  matched_name_sealed bytea,
  answered_at timestamptz,
  CONSTRAINT pk_name_check PRIMARY KEY (id),
  CONSTRAINT ck_name_check_account_type CHECK (account_type IN ('personal', 'business')),
  CONSTRAINT ck_name_check_outcome CHECK (
    outcome IN ('match', 'close_match', 'no_match', 'unable_to_check')),
  CONSTRAINT ck_name_check_answered CHECK ((outcome IS NULL) = (answered_at IS NULL))
);
CREATE INDEX ix_name_check_organisation_asked_at ON name_check (organisation, asked_at);
"""

_BODIES = """
CREATE TABLE body (
  organisation text,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_body PRIMARY KEY (organisation)
);
CREATE TABLE programme (
  id uuid,
  organisation text NOT NULL,
  slug text NOT NULL,
  name text NOT NULL,
  bank_account_id uuid NOT NULL,
  approvals_needed smallint NOT NULL DEFAULT 1,
  release text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_programme PRIMARY KEY (id),
  CONSTRAINT uq_programme_organisation_slug UNIQUE (organisation, slug),
  CONSTRAINT fk_programme_organisation_body
    FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT fk_programme_bank_account_id_bank_account
    FOREIGN KEY (bank_account_id) REFERENCES bank_account (id),
  CONSTRAINT ck_programme_approvals_needed CHECK (approvals_needed BETWEEN 1 AND 5),
  CONSTRAINT ck_programme_release CHECK (release IN ('on_approval', 'by_hand'))
);
"""

_RUNS = """
CREATE TABLE run (
  id uuid,
  organisation text NOT NULL,
  programme_id uuid NOT NULL,
  reference text NOT NULL,
  run_date date NOT NULL,
  state text NOT NULL,
  round integer NOT NULL DEFAULT 0,
  content_hash bytea,
  processing_date date,
  created_at timestamptz NOT NULL,
  state_at timestamptz NOT NULL,
  CONSTRAINT pk_run PRIMARY KEY (id),
  CONSTRAINT uq_run_reference UNIQUE (reference),
  CONSTRAINT fk_run_organisation_body FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT fk_run_programme_id_programme FOREIGN KEY (programme_id) REFERENCES programme (id),
  CONSTRAINT ck_run_state CHECK (state IN ('collecting', 'correcting', 'awaiting_approval',
    'approved', 'released', 'submitted', 'closed')),
  CONSTRAINT ck_run_content_hash CHECK (
    content_hash IS NOT NULL OR state IN ('collecting', 'correcting'))
);
CREATE INDEX ix_run_organisation_created_at ON run (organisation, created_at);
CREATE UNIQUE INDEX uq_run_collecting ON run (programme_id, run_date) WHERE state = 'collecting';

CREATE TABLE payment (
  id uuid,
  public_id text NOT NULL,
  organisation text NOT NULL,
  run_id uuid NOT NULL,
  state text NOT NULL,
  subject text,
  payee_name text NOT NULL,
  account_type text NOT NULL,
  details_sealed bytea NOT NULL,
  account_fingerprint bytea NOT NULL,
  account_tail text NOT NULL,
  amount_pence bigint NOT NULL,
  currency text NOT NULL,
  reference text NOT NULL,
  case_reference text,
  check_id uuid,
  modulus_result text NOT NULL,
  hold_code text,
  hold_reason text,
  reason_code text,
  reason text,
  client_id text NOT NULL,
  idempotency_key text NOT NULL,
  correlation_id text NOT NULL,
  created_at timestamptz NOT NULL,
  state_at timestamptz NOT NULL,
  CONSTRAINT pk_payment PRIMARY KEY (id),
  CONSTRAINT uq_payment_public_id UNIQUE (public_id),
  CONSTRAINT uq_payment_organisation_client_id_idempotency_key
    UNIQUE (organisation, client_id, idempotency_key),
  CONSTRAINT fk_payment_organisation_body
    FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT fk_payment_run_id_run FOREIGN KEY (run_id) REFERENCES run (id),
  CONSTRAINT ck_payment_state CHECK (state IN ('received', 'invalid', 'validated', 'held',
    'ready', 'awaiting_approval', 'approved', 'released', 'submitted', 'accepted',
    'scheme_rejected', 'paid', 'returned', 'rejected', 'recalled', 'cancelled')),
  CONSTRAINT ck_payment_amount_pence CHECK (amount_pence BETWEEN 1 AND 2000000000),
  CONSTRAINT ck_payment_currency CHECK (currency = 'GBP'),
  CONSTRAINT ck_payment_reference CHECK (length(reference) BETWEEN 1 AND 18),
  CONSTRAINT ck_payment_held CHECK ((hold_code IS NOT NULL) = (state = 'held'))
);
CREATE INDEX ix_payment_run_id ON payment (run_id, id);
CREATE INDEX ix_payment_organisation_id ON payment (organisation, id);
CREATE INDEX ix_payment_account_fingerprint ON payment (organisation, account_fingerprint);
CREATE INDEX ix_payment_words ON payment USING gin
  ((payee_name || ' ' || reference || ' ' || coalesce(case_reference, '')) public.gin_trgm_ops);
"""

_EVENTS = """
CREATE TABLE run_approval (
  id uuid,
  organisation text NOT NULL,
  run_id uuid NOT NULL,
  round integer NOT NULL,
  content_hash bytea NOT NULL,
  person_id text NOT NULL,
  person_name text NOT NULL,
  approved_at timestamptz NOT NULL,
  CONSTRAINT pk_run_approval PRIMARY KEY (id),
  CONSTRAINT uq_run_approval_run_id_round_person_id UNIQUE (run_id, round, person_id),
  CONSTRAINT fk_run_approval_run_id_run FOREIGN KEY (run_id) REFERENCES run (id)
);
CREATE TABLE run_event (
  id uuid,
  organisation text NOT NULL,
  run_id uuid NOT NULL,
  payment_id uuid,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  state text,
  actor_kind text NOT NULL,
  actor_id text NOT NULL,
  actor_name text NOT NULL,
  details jsonb NOT NULL,
  correlation_id text NOT NULL,
  CONSTRAINT pk_run_event PRIMARY KEY (id),
  CONSTRAINT fk_run_event_run_id_run FOREIGN KEY (run_id) REFERENCES run (id),
  CONSTRAINT fk_run_event_payment_id_payment FOREIGN KEY (payment_id) REFERENCES payment (id)
);
CREATE INDEX ix_run_event_run_id ON run_event (run_id, id);
CREATE INDEX ix_run_event_payment_id ON run_event (payment_id, id);
REVOKE UPDATE, DELETE, TRUNCATE ON run_event, run_approval FROM payments;
"""
