CREATE TABLE upload (
  id uuid,
  organisation text NOT NULL,
  programme_id uuid NOT NULL,
  reference text NOT NULL,
  format text NOT NULL,
  filename text NOT NULL,
  sha256 bytea NOT NULL,
  size bigint NOT NULL,
  chunks integer NOT NULL,
  declared_count bigint NOT NULL,
  declared_pence bigint NOT NULL,
  entry_on date,
  account_type text NOT NULL,
  source text NOT NULL,
  mapping jsonb,
  state text NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  rows_read bigint NOT NULL DEFAULT 0,
  pence_read bigint NOT NULL DEFAULT 0,
  amounts_unread bigint NOT NULL DEFAULT 0,
  invalid_rows bigint NOT NULL DEFAULT 0,
  held_rows bigint NOT NULL DEFAULT 0,
  dropped_rows bigint NOT NULL DEFAULT 0,
  dropped_pence bigint NOT NULL DEFAULT 0,
  warnings jsonb NOT NULL DEFAULT '{}',
  refusal_code text,
  refusal text,
  refusal_line bigint,
  refusal_column text,
  run_id uuid,
  sent_by_kind text NOT NULL,
  sent_by_id text NOT NULL,
  sent_by_name text NOT NULL,
  correlation_id text NOT NULL,
  created_at timestamptz NOT NULL,
  state_at timestamptz NOT NULL,
  CONSTRAINT pk_upload PRIMARY KEY (id),
  CONSTRAINT uq_upload_reference UNIQUE (reference),
  CONSTRAINT fk_upload_organisation_body FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT fk_upload_programme_id_programme FOREIGN KEY (programme_id) REFERENCES programme (id),
  CONSTRAINT fk_upload_run_id_run FOREIGN KEY (run_id) REFERENCES run (id),
  CONSTRAINT ck_upload_format CHECK (format IN ('csv', 'bureau_csv', 'standard18', 'pain001', 'xlsx')),
  CONSTRAINT ck_upload_source CHECK (source IN ('page', 'api')),
  CONSTRAINT ck_upload_account_type CHECK (account_type IN ('personal', 'business')),
  CONSTRAINT ck_upload_state CHECK (state IN ('mapping', 'reading', 'validating', 'comparing',
    'faulty', 'creating', 'created', 'refused', 'abandoned')),
  CONSTRAINT ck_upload_sha256 CHECK (octet_length(sha256) = 32),
  CONSTRAINT ck_upload_declared CHECK (declared_count > 0 AND declared_pence > 0),
  CONSTRAINT ck_upload_refusal CHECK ((state = 'refused') = (refusal_code IS NOT NULL)),
  CONSTRAINT ck_upload_created CHECK (state <> 'created' OR run_id IS NOT NULL)
);
-- The same bytes come once for a body; what was refused or abandoned paid nobody.
CREATE UNIQUE INDEX uq_upload_bytes ON upload (organisation, sha256)
  WHERE state NOT IN ('refused', 'abandoned');
CREATE INDEX ix_upload_organisation_created_at ON upload (organisation, created_at);

CREATE TABLE upload_chunk (
  upload_id uuid,
  number integer,
  sealed bytea NOT NULL,
  CONSTRAINT pk_upload_chunk PRIMARY KEY (upload_id, number),
  CONSTRAINT fk_upload_chunk_upload_id_upload FOREIGN KEY (upload_id) REFERENCES upload (id)
);
ALTER TABLE upload_chunk ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE upload_event (
  id uuid,
  organisation text NOT NULL,
  upload_id uuid NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  actor_id text NOT NULL,
  actor_name text NOT NULL,
  details jsonb NOT NULL,
  CONSTRAINT pk_upload_event PRIMARY KEY (id),
  CONSTRAINT fk_upload_event_upload_id_upload FOREIGN KEY (upload_id) REFERENCES upload (id)
);
CREATE INDEX ix_upload_event_upload_id ON upload_event (upload_id, id);

CREATE TABLE upload_mapping (
  organisation text,
  header_sha256 bytea,
  mapping jsonb NOT NULL,
  saved_by text NOT NULL,
  saved_at timestamptz NOT NULL,
  CONSTRAINT pk_upload_mapping PRIMARY KEY (organisation, header_sha256)
);

-- An end-to-end id pays once and for good.
CREATE TABLE upload_end_to_end (
  organisation text,
  end_to_end_id text,
  upload_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  CONSTRAINT pk_upload_end_to_end PRIMARY KEY (organisation, end_to_end_id)
);

-- Made from the stored bytes and soon over: it need not survive a crash, it is made again.
CREATE UNLOGGED TABLE upload_block (
  upload_id uuid,
  number integer,
  first bigint NOT NULL,
  last bigint NOT NULL,
  pence bigint NOT NULL,
  amounts_unread integer NOT NULL,
  warnings jsonb NOT NULL DEFAULT '{}',
  sealed bytea NOT NULL,
  CONSTRAINT pk_upload_block PRIMARY KEY (upload_id, number)
);
ALTER TABLE upload_block ALTER COLUMN sealed SET STORAGE EXTERNAL;
-- Survives a crash: once some of the payments are made, the others must follow from the same rows.
CREATE TABLE upload_row (
  upload_id uuid,
  number integer,
  line integer NOT NULL,
  payment_id uuid NOT NULL,
  public_id text NOT NULL,
  payee_name text NOT NULL,
  account_type text NOT NULL,
  details_sealed bytea NOT NULL,
  account_fingerprint bytea NOT NULL,
  payee_fingerprint bytea NOT NULL,
  account_tail text NOT NULL,
  amount_pence bigint NOT NULL,
  reference text NOT NULL,
  modulus_result text NOT NULL,
  payee_id uuid,
  gl_code text NOT NULL,
  invoice_reference text NOT NULL,
  invoice_received_on date,
  end_to_end_id text NOT NULL,
  check_id uuid,
  hold_code text,
  hold_reason text,
  CONSTRAINT pk_upload_row PRIMARY KEY (upload_id, number)
);
CREATE INDEX ix_upload_row_account ON upload_row (upload_id, account_fingerprint);
CREATE INDEX ix_upload_row_end_to_end ON upload_row (upload_id, end_to_end_id)
  WHERE end_to_end_id <> '';
CREATE INDEX ix_upload_row_held ON upload_row (upload_id, number) WHERE hold_code IS NOT NULL;
CREATE TABLE upload_fault (
  upload_id uuid,
  number integer,
  ordinal smallint,
  line integer NOT NULL,
  field text NOT NULL,
  message text NOT NULL,
  found text NOT NULL,
  CONSTRAINT pk_upload_fault PRIMARY KEY (upload_id, number, ordinal)
);
-- A payee whose name was checked lately need not be checked again for a file.
CREATE INDEX ix_name_check_payee_fingerprint ON name_check (organisation, payee_fingerprint);
REVOKE UPDATE, DELETE, TRUNCATE ON upload_event FROM payments;
REVOKE UPDATE, TRUNCATE ON upload_chunk, upload_end_to_end FROM payments;
REVOKE DELETE, TRUNCATE ON upload FROM payments;
