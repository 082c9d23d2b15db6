-- What closed a month, and the journals that went to the finance system.
CREATE TABLE period_close (
  id uuid,
  body text NOT NULL,
  period_id uuid NOT NULL,
  state text NOT NULL,
  proof jsonb NOT NULL,
  proof_sha256 bytea NOT NULL,
  asked_by_id text NOT NULL,
  asked_by_name text NOT NULL,
  asked_at timestamptz NOT NULL,
  decided_by_id text,
  decided_by_name text,
  decided_at timestamptz,
  reason text NOT NULL DEFAULT '',
  CONSTRAINT pk_period_close PRIMARY KEY (id),
  CONSTRAINT fk_period_close_period_id_period FOREIGN KEY (period_id) REFERENCES period (id),
  CONSTRAINT ck_period_close_state CHECK (state IN ('asked', 'closed', 'withdrawn')),
  CONSTRAINT ck_period_close_decided CHECK ((state = 'asked') = (decided_at IS NULL)
    AND (decided_at IS NULL) = (decided_by_id IS NULL)),
  CONSTRAINT ck_period_close_two_people CHECK (state <> 'closed' OR decided_by_id <> asked_by_id)
);
CREATE UNIQUE INDEX uq_period_close_asked ON period_close (period_id) WHERE state <> 'withdrawn';
CREATE TABLE gl_setting (
  body text,
  template text NOT NULL,
  detail text NOT NULL,
  code_separator text NOT NULL,
  code_segments jsonb NOT NULL,
  constants jsonb NOT NULL,
  account_codes jsonb NOT NULL,
  changed_by_id text NOT NULL,
  changed_by_name text NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_gl_setting PRIMARY KEY (body),
  CONSTRAINT ck_gl_setting_template CHECK (template IN ('oracle', 'sap', 'cipfa')),
  CONSTRAINT ck_gl_setting_detail CHECK (detail IN ('postings', 'totals'))
);
-- An export takes all entries between two numbers of a financial year; no two may share one.
CREATE TABLE gl_export (
  id uuid,
  body text NOT NULL,
  number integer NOT NULL,
  year smallint NOT NULL,
  first_number bigint NOT NULL,
  last_number bigint NOT NULL,
  settings jsonb NOT NULL,
  lines bigint,
  debit_pence bigint,
  credit_pence bigint,
  content_sha256 bytea,
  made_by_id text NOT NULL,
  made_by_name text NOT NULL,
  made_at timestamptz NOT NULL,
  ready_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by_id text,
  acknowledged_by_name text,
  acknowledgement text NOT NULL DEFAULT '',
  CONSTRAINT pk_gl_export PRIMARY KEY (id),
  CONSTRAINT uq_gl_export_body_number UNIQUE (body, number),
  CONSTRAINT ck_gl_export_numbers CHECK (number > 0 AND first_number > 0
    AND last_number >= first_number),
  CONSTRAINT ck_gl_export_ready CHECK ((ready_at IS NULL) = (content_sha256 IS NULL)
    AND (ready_at IS NULL) = (lines IS NULL) AND debit_pence IS NOT DISTINCT FROM credit_pence),
  CONSTRAINT ck_gl_export_acknowledged CHECK (acknowledged_at IS NULL
    OR (ready_at IS NOT NULL AND acknowledged_by_id IS NOT NULL AND acknowledgement <> '')),
  CONSTRAINT ex_gl_export_numbers EXCLUDE USING gist (body WITH =, year WITH =,
    int8range(first_number, last_number, '[]') WITH &&)
);
REVOKE UPDATE, DELETE, TRUNCATE ON gl_export, period_close FROM payments;
GRANT UPDATE (lines, debit_pence, credit_pence, content_sha256, ready_at, acknowledged_at,
  acknowledged_by_id, acknowledged_by_name, acknowledgement) ON gl_export TO payments;
GRANT UPDATE (state, decided_by_id, decided_by_name, decided_at, reason) ON period_close
  TO payments;
