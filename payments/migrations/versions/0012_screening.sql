CREATE TABLE sanctions_list (
  id uuid,
  listed_on date NOT NULL,
  sha256 bytea NOT NULL,
  source text NOT NULL,
  entries integer NOT NULL,
  names integer NOT NULL,
  mapping jsonb NOT NULL,
  loaded_by text NOT NULL,
  loaded_at timestamptz NOT NULL,
  superseded_at timestamptz,
  CONSTRAINT pk_sanctions_list PRIMARY KEY (id),
  CONSTRAINT ck_sanctions_list_sha256 CHECK (octet_length(sha256) = 32)
);
CREATE UNIQUE INDEX uq_sanctions_list_current ON sanctions_list ((superseded_at IS NULL))
  WHERE superseded_at IS NULL;
CREATE TABLE sanctions_name (
  list_id uuid,
  number integer,
  entry_id text NOT NULL,
  entry_sha256 bytea NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  name_type text NOT NULL,
  CONSTRAINT pk_sanctions_name PRIMARY KEY (list_id, number),
  CONSTRAINT fk_sanctions_name_list_id_sanctions_list
    FOREIGN KEY (list_id) REFERENCES sanctions_list (id)
);
-- Which names were compared with which list, one line for each piece of work.
CREATE TABLE screening (
  id uuid,
  organisation text NOT NULL,
  subject_id uuid NOT NULL,
  list_id uuid NOT NULL,
  names bigint NOT NULL,
  hits bigint NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT pk_screening PRIMARY KEY (id),
  CONSTRAINT fk_screening_list_id_sanctions_list
    FOREIGN KEY (list_id) REFERENCES sanctions_list (id)
);
CREATE INDEX ix_screening_subject_id ON screening (subject_id);
CREATE TABLE screening_case (
  id uuid,
  organisation text NOT NULL,
  payment_id uuid NOT NULL,
  upload_id uuid,
  payee_name text NOT NULL,
  subject_sha256 bytea NOT NULL,
  list_id uuid NOT NULL,
  matches jsonb NOT NULL,
  next_hold_code text,
  next_hold_reason text,
  state text NOT NULL DEFAULT 'open',
  opened_at timestamptz NOT NULL,
  decided_at timestamptz,
  decided_by_id text,
  decided_by_name text,
  reason text,
  CONSTRAINT pk_screening_case PRIMARY KEY (id),
  CONSTRAINT uq_screening_case_payment_id_list_id UNIQUE (payment_id, list_id),
  CONSTRAINT fk_screening_case_list_id_sanctions_list
    FOREIGN KEY (list_id) REFERENCES sanctions_list (id),
  CONSTRAINT ck_screening_case_state CHECK (state IN ('open', 'cleared', 'confirmed')),
  CONSTRAINT ck_screening_case_decided CHECK ((state = 'open') = (decided_at IS NULL)
    AND (decided_at IS NULL) = (decided_by_id IS NULL) AND (decided_at IS NULL) = (reason IS NULL))
);
CREATE INDEX ix_screening_case_organisation ON screening_case (organisation, state, id);
CREATE INDEX ix_screening_case_upload_id ON screening_case (upload_id);
-- Cleared by a person: the same payee, account and unchanged list entry is not asked about again.
CREATE TABLE screening_clearance (
  organisation text,
  subject_sha256 bytea,
  entry_id text,
  entry_sha256 bytea,
  case_id uuid NOT NULL,
  cleared_at timestamptz NOT NULL,
  CONSTRAINT pk_screening_clearance
    PRIMARY KEY (organisation, subject_sha256, entry_id, entry_sha256),
  CONSTRAINT fk_screening_clearance_case_id_screening_case
    FOREIGN KEY (case_id) REFERENCES screening_case (id)
);
REVOKE UPDATE, DELETE, TRUNCATE ON sanctions_name, screening, screening_clearance FROM payments;
REVOKE DELETE, TRUNCATE ON sanctions_list FROM payments;
REVOKE TRUNCATE ON screening_case FROM payments;
