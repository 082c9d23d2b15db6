ALTER TABLE name_check
  ADD COLUMN account_fingerprint bytea,
  ADD COLUMN responder_rule text NOT NULL DEFAULT '';
CREATE INDEX ix_name_check_asked_of_account
  ON name_check (organisation, asked_by_id, account_fingerprint, asked_at)
  WHERE account_fingerprint IS NOT NULL;

CREATE TABLE payee (
  id uuid,
  organisation text NOT NULL,
  reference text NOT NULL,
  state text NOT NULL,
  version integer NOT NULL DEFAULT 0,
  name text NOT NULL,
  name_key text NOT NULL,
  beneficiary text NOT NULL,
  account_type text NOT NULL,
  account_fingerprint bytea NOT NULL,
  account_tail text NOT NULL,
  gl_code text NOT NULL,
  details_changed_at timestamptz,
  cooling_until timestamptz,
  is_stopped boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_payee PRIMARY KEY (id),
  CONSTRAINT ck_payee_state CHECK (state IN ('proposed', 'active', 'refused')),
  CONSTRAINT ck_payee_version CHECK ((version = 0) = (state <> 'active')),
  CONSTRAINT ck_payee_account_type CHECK (account_type IN ('personal', 'business')),
  CONSTRAINT ck_payee_cooling CHECK (cooling_until IS NULL OR details_changed_at IS NOT NULL)
);
CREATE UNIQUE INDEX uq_payee_reference ON payee (organisation, reference) WHERE state <> 'refused';
CREATE INDEX ix_payee_name ON payee (organisation, name, id);
CREATE INDEX ix_payee_name_key ON payee (organisation, name_key) WHERE state = 'active';
CREATE INDEX ix_payee_account ON payee (organisation, account_fingerprint) WHERE state <> 'refused';
CREATE INDEX ix_payee_words ON payee USING gin
  ((name || ' ' || reference || ' ' || beneficiary) public.gin_trgm_ops);

-- A file of payees: its rows are proposals of one batch, confirmed together.
CREATE TABLE payee_import (
  id uuid,
  organisation text NOT NULL,
  file_name text NOT NULL,
  sha256 bytea NOT NULL,
  rows integer NOT NULL,
  proposed integer NOT NULL,
  unchanged integer NOT NULL,
  faults jsonb NOT NULL,
  state text NOT NULL,
  created_by_id text NOT NULL,
  created_by_name text NOT NULL,
  created_at timestamptz NOT NULL,
  decided_by_id text,
  decided_by_name text,
  decided_at timestamptz,
  decision_reason text,
  CONSTRAINT pk_payee_import PRIMARY KEY (id),
  CONSTRAINT ck_payee_import_state CHECK (state IN ('proposed', 'confirmed', 'rejected')),
  CONSTRAINT ck_payee_import_counts CHECK (proposed >= 0 AND unchanged >= 0
    AND proposed + unchanged <= rows),
  CONSTRAINT ck_payee_import_decided CHECK ((state = 'proposed') = (decided_at IS NULL)),
  CONSTRAINT ck_payee_import_apart CHECK (decided_by_id IS NULL OR decided_by_id <> created_by_id)
);
CREATE UNIQUE INDEX uq_payee_import_sha256 ON payee_import (organisation, sha256)
  WHERE state <> 'rejected';

-- What a payee shall say. A confirmed change is a version; its content is never altered.
CREATE TABLE payee_change (
  id uuid,
  organisation text NOT NULL,
  payee_id uuid NOT NULL,
  import_id uuid,
  base_version integer NOT NULL,
  is_sensitive boolean NOT NULL,
  reference text NOT NULL,
  name text NOT NULL,
  name_key text NOT NULL,
  beneficiary text NOT NULL,
  account_type text NOT NULL,
  details_sealed bytea NOT NULL,
  account_fingerprint bytea NOT NULL,
  account_tail text NOT NULL,
  gl_code text NOT NULL,
  email_sealed bytea,
  notes text NOT NULL,
  source text NOT NULL,
  reason text NOT NULL,
  proposed_by_kind text NOT NULL,
  proposed_by_id text NOT NULL,
  proposed_by_name text NOT NULL,
  proposed_at timestamptz NOT NULL,
  correlation_id text NOT NULL,
  state text NOT NULL,
  check_id uuid,
  modulus_result text,
  modulus_version text,
  version integer,
  decided_by_id text,
  decided_by_name text,
  decided_at timestamptz,
  decision_reason text,
  cooling_until timestamptz,
  hurried_by_id text,
  hurried_by_name text,
  hurried_at timestamptz,
  hurry_reason text,
  CONSTRAINT pk_payee_change PRIMARY KEY (id),
  CONSTRAINT fk_payee_change_payee_id_payee FOREIGN KEY (payee_id) REFERENCES payee (id),
  CONSTRAINT fk_payee_change_import_id_payee_import
    FOREIGN KEY (import_id) REFERENCES payee_import (id),
  CONSTRAINT fk_payee_change_check_id_name_check
    FOREIGN KEY (check_id) REFERENCES name_check (id),
  CONSTRAINT ck_payee_change_source
    CHECK (source IN ('page', 'api', 'import', 'awacs', 'switch_notice', 'demonstration')),
  CONSTRAINT ck_payee_change_state
    CHECK (state IN ('checking', 'proposed', 'confirmed', 'rejected', 'withdrawn')),
  CONSTRAINT ck_payee_change_decided
    CHECK ((state IN ('checking', 'proposed')) = (decided_at IS NULL)),
  CONSTRAINT ck_payee_change_version CHECK ((state = 'confirmed') = (version IS NOT NULL)),
  CONSTRAINT ck_payee_change_checked
    CHECK (state <> 'confirmed' OR (check_id IS NOT NULL AND modulus_result IS NOT NULL)
           OR NOT is_sensitive),
  CONSTRAINT ck_payee_change_second_person
    CHECK (state <> 'confirmed' OR decided_by_id <> proposed_by_id),
  CONSTRAINT ck_payee_change_third_person CHECK (hurried_by_id IS NULL
    OR (hurried_by_id <> proposed_by_id AND hurried_by_id <> decided_by_id))
);
CREATE UNIQUE INDEX uq_payee_change_open ON payee_change (payee_id)
  WHERE state IN ('checking', 'proposed');
CREATE UNIQUE INDEX uq_payee_change_version ON payee_change (payee_id, version)
  WHERE version IS NOT NULL;
CREATE INDEX ix_payee_change_payee_id ON payee_change (payee_id, id);
CREATE INDEX ix_payee_change_open ON payee_change (organisation, id)
  WHERE state IN ('checking', 'proposed');
CREATE INDEX ix_payee_change_import_id ON payee_change (import_id, id)
  WHERE import_id IS NOT NULL;
CREATE INDEX ix_payee_change_account ON payee_change (organisation, account_fingerprint)
  WHERE version IS NOT NULL;

CREATE TABLE payee_stop (
  id uuid,
  organisation text NOT NULL,
  payee_id uuid NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  owner text NOT NULL,
  review_on date NOT NULL,
  stopped_by_id text NOT NULL,
  stopped_by_name text NOT NULL,
  stopped_at timestamptz NOT NULL,
  lifted_by_id text,
  lifted_by_name text,
  lifted_at timestamptz,
  lift_reason text,
  CONSTRAINT pk_payee_stop PRIMARY KEY (id),
  CONSTRAINT fk_payee_stop_payee_id_payee FOREIGN KEY (payee_id) REFERENCES payee (id),
  CONSTRAINT ck_payee_stop_code CHECK (code IN ('deceased', 'fraud', 'dispute', 'legal', 'other')),
  CONSTRAINT ck_payee_stop_lifted CHECK ((lifted_by_id IS NULL) = (lifted_at IS NULL)),
  CONSTRAINT ck_payee_stop_second_person
    CHECK (lifted_by_id IS NULL OR lifted_by_id <> stopped_by_id)
);
CREATE UNIQUE INDEX uq_payee_stop_standing ON payee_stop (payee_id) WHERE lifted_at IS NULL;
CREATE INDEX ix_payee_stop_payee_id ON payee_stop (payee_id, id);

-- A hold that a person let go: what stood, under which rules, why, and who.
CREATE TABLE hold_override (
  id uuid,
  organisation text NOT NULL,
  payment_id uuid NOT NULL,
  payment_reference text NOT NULL,
  amount_pence bigint NOT NULL,
  hold_code text NOT NULL,
  hold_reason text NOT NULL,
  check_id uuid,
  outcome text,
  reason_code text,
  policy_version text NOT NULL,
  reason text NOT NULL,
  person_id text NOT NULL,
  person_name text NOT NULL,
  decided_at timestamptz NOT NULL,
  correlation_id text NOT NULL,
  CONSTRAINT pk_hold_override PRIMARY KEY (id)
);
CREATE INDEX ix_hold_override_organisation ON hold_override (organisation, id);
CREATE INDEX ix_hold_override_payment_id ON hold_override (payment_id);

-- Name checks by the file: rows sealed in parts, one line per row for what became of it.
CREATE TABLE name_batch (
  id uuid,
  organisation text NOT NULL,
  source text NOT NULL,
  file_name text NOT NULL,
  sha256 bytea NOT NULL,
  rows integer NOT NULL,
  state text NOT NULL,
  first_lane smallint NOT NULL DEFAULT 0,
  created_by_kind text NOT NULL,
  created_by_id text NOT NULL,
  created_by_name text NOT NULL,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  correlation_id text NOT NULL,
  CONSTRAINT pk_name_batch PRIMARY KEY (id),
  CONSTRAINT ck_name_batch_source CHECK (source IN ('page', 'api')),
  CONSTRAINT ck_name_batch_rows CHECK (rows BETWEEN 1 AND 200000),
  CONSTRAINT ck_name_batch_state CHECK (state IN ('validating', 'running', 'stopped', 'done'))
);
CREATE INDEX ix_name_batch_organisation ON name_batch (organisation, id);
CREATE TABLE name_batch_part (
  batch_id uuid,
  number integer,
  first integer NOT NULL,
  last integer NOT NULL,
  sealed bytea NOT NULL,
  CONSTRAINT pk_name_batch_part PRIMARY KEY (batch_id, number),
  CONSTRAINT fk_name_batch_part_batch_id_name_batch
    FOREIGN KEY (batch_id) REFERENCES name_batch (id),
  CONSTRAINT ck_name_batch_part_range CHECK (first <= last)
);
CREATE TABLE name_batch_row (
  batch_id uuid,
  number integer,
  state text NOT NULL,
  payee_fingerprint bytea,
  account_fingerprint bytea,
  same_as integer,
  lane smallint,
  tries smallint NOT NULL DEFAULT 0,
  check_id uuid,
  outcome text,
  reason_code text,
  modulus_result text,
  fault text NOT NULL DEFAULT '',
  CONSTRAINT pk_name_batch_row PRIMARY KEY (batch_id, number),
  CONSTRAINT fk_name_batch_row_batch_id_name_batch
    FOREIGN KEY (batch_id) REFERENCES name_batch (id),
  CONSTRAINT ck_name_batch_row_state
    CHECK (state IN ('waiting', 'asking', 'answered', 'same', 'invalid')),
  CONSTRAINT ck_name_batch_row_answered CHECK (state <> 'answered' OR outcome IS NOT NULL),
  CONSTRAINT ck_name_batch_row_asking
    CHECK (state <> 'asking' OR (check_id IS NOT NULL AND lane IS NOT NULL))
);
CREATE INDEX ix_name_batch_row_waiting ON name_batch_row (batch_id, tries, number)
  WHERE state = 'waiting';
CREATE INDEX ix_name_batch_row_asking ON name_batch_row (batch_id, lane) WHERE state = 'asking';
CREATE INDEX ix_name_batch_row_same_as ON name_batch_row (batch_id, same_as)
  WHERE same_as IS NOT NULL;
CREATE INDEX ix_name_batch_row_outcome ON name_batch_row (batch_id, outcome, number);
-- Counts by lane, so that lanes never wait for each other to count; the page adds them up.
CREATE TABLE name_batch_count (
  batch_id uuid,
  lane smallint,
  outcome text,
  reason_code text,
  rows integer NOT NULL,
  CONSTRAINT pk_name_batch_count PRIMARY KEY (batch_id, lane, outcome, reason_code),
  CONSTRAINT fk_name_batch_count_batch_id_name_batch
    FOREIGN KEY (batch_id) REFERENCES name_batch (id)
);
-- When the responder may be asked next: one row for all workers.
CREATE TABLE name_pace (
  id smallint,
  next_at timestamptz NOT NULL,
  CONSTRAINT pk_name_pace PRIMARY KEY (id),
  CONSTRAINT ck_name_pace_one CHECK (id = 1)
);

REVOKE UPDATE, DELETE, TRUNCATE ON payee_change, payee_stop, hold_override, payee_import,
  name_batch_part, name_pace FROM payments;
REVOKE DELETE, TRUNCATE ON payee, name_batch, name_batch_row, name_batch_count FROM payments;
GRANT UPDATE (state, check_id, modulus_result, modulus_version, version, decided_by_id,
  decided_by_name, decided_at, decision_reason, cooling_until, hurried_by_id, hurried_by_name,
  hurried_at, hurry_reason) ON payee_change TO payments;
GRANT UPDATE (lifted_by_id, lifted_by_name, lifted_at, lift_reason) ON payee_stop TO payments;
GRANT UPDATE (state, decided_by_id, decided_by_name, decided_at, decision_reason)
  ON payee_import TO payments;
GRANT UPDATE (next_at) ON name_pace TO payments;
