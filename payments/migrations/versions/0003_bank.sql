-- Bank accounts, hand-overs to the bank and its answers, statements and their reconciliation.
CREATE TABLE bank_account (
  id uuid,
  body text NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  sort_code text NOT NULL,
  account_number text NOT NULL,
  service_user_number text NOT NULL DEFAULT '',
  currency text NOT NULL DEFAULT 'GBP',
  opened_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_bank_account PRIMARY KEY (id),
  CONSTRAINT uq_bank_account_body_code UNIQUE (body, code),
  CONSTRAINT uq_bank_account_sort_code_account_number UNIQUE (sort_code, account_number),
  CONSTRAINT ck_bank_account_digits CHECK (sort_code ~ '^[0-9]{6}$'
    AND account_number ~ '^[0-9]{8}$' AND service_user_number ~ '^([0-9]{6})?$')
);
CREATE TABLE volume_serial (
  service_user_number text,
  last integer NOT NULL,
  CONSTRAINT pk_volume_serial PRIMARY KEY (service_user_number),
  CONSTRAINT ck_volume_serial_last CHECK (last BETWEEN 1 AND 999999)
);
CREATE TABLE submission (
  id uuid,
  body text NOT NULL,
  run_id uuid NOT NULL,
  bank_account_id uuid NOT NULL,
  service_user_number text NOT NULL,
  serial text NOT NULL,
  processing_day date NOT NULL,
  payment_count integer NOT NULL,
  total_pence bigint NOT NULL,
  state text NOT NULL DEFAULT 'prepared',
  created_at timestamptz NOT NULL,
  acknowledged_at timestamptz,
  bank_reference text,
  reported_at timestamptz,
  reported_processing_day date,
  accepted_count integer,
  accepted_pence bigint,
  rejected_count integer,
  rejected_pence bigint,
  settled_on date,
  settled_pence bigint,
  CONSTRAINT pk_submission PRIMARY KEY (id),
  CONSTRAINT uq_submission_service_user_number_serial UNIQUE (service_user_number, serial),
  CONSTRAINT fk_submission_bank_account_id FOREIGN KEY (bank_account_id)
    REFERENCES bank_account (id),
  CONSTRAINT ck_submission_state
    CHECK (state IN ('prepared','acknowledged','refused','reported','settled')),
  CONSTRAINT ck_submission_totals CHECK (payment_count > 0 AND total_pence > 0
    AND (reported_at IS NULL OR (accepted_count + rejected_count = payment_count
                                 AND accepted_pence + rejected_pence = total_pence)))
);
CREATE UNIQUE INDEX uq_submission_run_id ON submission (run_id) WHERE state <> 'refused';
CREATE TABLE submission_item (
  submission_id uuid,
  line_no integer,
  payment_id uuid NOT NULL,
  amount_pence bigint NOT NULL,
  account_hash bytea NOT NULL,
  reference text NOT NULL,
  reference_key text NOT NULL,
  CONSTRAINT pk_submission_item PRIMARY KEY (submission_id, line_no),
  CONSTRAINT uq_submission_item_submission_id_payment_id UNIQUE (submission_id, payment_id),
  CONSTRAINT fk_submission_item_submission_id FOREIGN KEY (submission_id)
    REFERENCES submission (id)
);
CREATE INDEX ix_submission_item_payment_id ON submission_item (payment_id);
CREATE INDEX ix_submission_item_account_hash_amount_pence
  ON submission_item (account_hash, amount_pence);
CREATE INDEX ix_submission_item_reference_key_amount_pence
  ON submission_item (reference_key, amount_pence);
CREATE TABLE attempt (
  id uuid,
  submission_id uuid NOT NULL,
  number smallint NOT NULL,
  state text NOT NULL,
  content_sealed bytea NOT NULL,
  content_sha256 bytea NOT NULL,
  content_bytes bigint NOT NULL,
  payment_count integer NOT NULL,
  total_pence bigint NOT NULL,
  fence integer NOT NULL DEFAULT 0,
  sealed_at timestamptz NOT NULL,
  sending_at timestamptz,
  decided_at timestamptz,
  bank_reference text,
  refusal_code text,
  refusal_reason text,
  CONSTRAINT pk_attempt PRIMARY KEY (id),
  CONSTRAINT uq_attempt_submission_id_number UNIQUE (submission_id, number),
  CONSTRAINT fk_attempt_submission_id FOREIGN KEY (submission_id) REFERENCES submission (id),
  CONSTRAINT ck_attempt_state CHECK (state IN ('prepared','sealed','sending','unknown',
    'acknowledged','refused','abandoned'))
);
CREATE UNIQUE INDEX uq_attempt_open ON attempt (submission_id)
  WHERE state IN ('prepared','sealed','sending','unknown','acknowledged');

CREATE FUNCTION check_attempt() RETURNS trigger LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state NOT IN ('prepared', 'sealed') THEN
      RAISE EXCEPTION 'attempt %: it cannot begin as %', NEW.id, NEW.state USING ERRCODE = 'LG020';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
      ('prepared', 'sealed'), ('prepared', 'sending'), ('sealed', 'sending'),
      ('sealed', 'abandoned'), ('sending', 'acknowledged'), ('sending', 'refused'),
      ('sending', 'unknown'), ('unknown', 'acknowledged'), ('unknown', 'refused')) THEN
    RAISE EXCEPTION 'attempt %: % cannot become %', NEW.id, OLD.state, NEW.state
      USING ERRCODE = 'LG020';
  END IF;
  IF OLD.state <> 'prepared' AND (NEW.content_sealed, NEW.content_sha256, NEW.content_bytes,
      NEW.payment_count, NEW.total_pence, NEW.submission_id) IS DISTINCT FROM (OLD.content_sealed,
      OLD.content_sha256, OLD.content_bytes, OLD.payment_count, OLD.total_pence,
      OLD.submission_id) THEN
    RAISE EXCEPTION 'attempt %: its content is sealed', NEW.id USING ERRCODE = 'LG021';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER attempt_moves BEFORE INSERT OR UPDATE ON attempt
  FOR EACH ROW EXECUTE FUNCTION check_attempt();
REVOKE DELETE, TRUNCATE ON attempt, submission, submission_item FROM payments;
REVOKE UPDATE ON submission_item FROM payments;

CREATE TABLE bank_report (
  id uuid,
  bank_report_id text NOT NULL,
  body text,
  kind text NOT NULL,
  submission_id uuid,
  content_sealed bytea NOT NULL,
  content_sha256 bytea NOT NULL,
  state text NOT NULL,
  problem text NOT NULL DEFAULT '',
  received_at timestamptz NOT NULL,
  CONSTRAINT pk_bank_report PRIMARY KEY (id),
  CONSTRAINT uq_bank_report_bank_report_id UNIQUE (bank_report_id),
  CONSTRAINT ck_bank_report_state CHECK (state IN ('read','unread'))
);
CREATE UNIQUE INDEX uq_bank_report_content_sha256 ON bank_report (content_sha256)
  WHERE state = 'read';
CREATE TABLE bank_outcome (
  id bigint GENERATED ALWAYS AS IDENTITY,
  batch_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  submission_id uuid NOT NULL,
  kind text NOT NULL,
  reason_code text NOT NULL,
  reason text NOT NULL,
  occurred_on date NOT NULL,
  report_id uuid,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_bank_outcome PRIMARY KEY (id),
  CONSTRAINT uq_bank_outcome_payment_id_kind_submission_id
    UNIQUE (payment_id, kind, submission_id),
  CONSTRAINT ck_bank_outcome_kind
    CHECK (kind IN ('submitted','refused','accepted','rejected','paid','returned'))
);
CREATE INDEX ix_bank_outcome_batch_id ON bank_outcome (batch_id);
CREATE INDEX ix_bank_outcome_submission_id_kind ON bank_outcome (submission_id, kind);
REVOKE UPDATE, DELETE, TRUNCATE ON bank_outcome FROM payments;

CREATE TABLE statement_file (
  id uuid,
  body text NOT NULL,
  bank_account_id uuid NOT NULL,
  name text NOT NULL,
  format text NOT NULL,
  source text NOT NULL,
  bank_statement_id text,
  content_sealed bytea NOT NULL,
  content_sha256 bytea NOT NULL,
  warnings jsonb NOT NULL,
  received_at timestamptz NOT NULL,
  CONSTRAINT pk_statement_file PRIMARY KEY (id),
  CONSTRAINT uq_statement_file_content_sha256 UNIQUE (content_sha256),
  CONSTRAINT fk_statement_file_bank_account_id FOREIGN KEY (bank_account_id)
    REFERENCES bank_account (id)
);
CREATE UNIQUE INDEX uq_statement_file_bank_statement_id
  ON statement_file (bank_account_id, bank_statement_id) WHERE bank_statement_id IS NOT NULL;
CREATE TABLE statement (
  id uuid,
  file_id uuid NOT NULL,
  bank_account_id uuid NOT NULL,
  body text NOT NULL,
  identification text NOT NULL,
  sequence bigint,
  opening_pence bigint,
  closing_pence bigint,
  from_date date NOT NULL,
  to_date date NOT NULL,
  currency text NOT NULL,
  format text NOT NULL,
  state text NOT NULL DEFAULT 'waiting',
  line_count integer NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_statement PRIMARY KEY (id),
  CONSTRAINT fk_statement_file_id FOREIGN KEY (file_id) REFERENCES statement_file (id),
  CONSTRAINT ck_statement_state CHECK (state IN ('waiting','gap','mismatch','reconciled')),
  CONSTRAINT ck_statement_days CHECK (from_date <= to_date)
);
CREATE UNIQUE INDEX uq_statement_sequence ON statement (bank_account_id, sequence)
  WHERE sequence IS NOT NULL;
CREATE INDEX ix_statement_bank_account_id_to_date ON statement (bank_account_id, to_date);
CREATE TABLE statement_line (
  id uuid,
  statement_id uuid NOT NULL,
  bank_account_id uuid NOT NULL,
  seq integer NOT NULL,
  booking_date date NOT NULL,
  value_date date NOT NULL,
  amount_pence bigint NOT NULL,
  currency text NOT NULL,
  kind text NOT NULL,
  bank_code text NOT NULL,
  bank_ref text NOT NULL,
  end_to_end_id text NOT NULL,
  batch_ref text NOT NULL,
  reference text NOT NULL,
  reference_key text NOT NULL,
  counterparty_hash bytea,
  return_reason text NOT NULL,
  private_sealed bytea NOT NULL,
  content_hash bytea NOT NULL,
  occurrence integer NOT NULL,
  allocated_pence bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_statement_line PRIMARY KEY (id),
  CONSTRAINT uq_statement_line_content
    UNIQUE (bank_account_id, content_hash, occurrence),
  CONSTRAINT fk_statement_line_statement_id FOREIGN KEY (statement_id) REFERENCES statement (id),
  CONSTRAINT ck_statement_line_allocated CHECK (allocated_pence BETWEEN 0 AND abs(amount_pence))
);
CREATE INDEX ix_statement_line_statement_id_seq ON statement_line (statement_id, seq);
CREATE TABLE match_target (
  target_type text,
  target_id uuid,
  amount_pence bigint NOT NULL,
  allocated_pence bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_match_target PRIMARY KEY (target_type, target_id),
  CONSTRAINT ck_match_target_allocated CHECK (allocated_pence BETWEEN 0 AND amount_pence)
);
CREATE TABLE match (
  id uuid,
  line_id uuid NOT NULL,
  target_type text NOT NULL,
  target_id uuid NOT NULL,
  amount_pence bigint NOT NULL,
  rule_id text NOT NULL,
  rule_version smallint NOT NULL,
  score smallint NOT NULL,
  reason text NOT NULL,
  state text NOT NULL DEFAULT 'live',
  decided_by text NOT NULL,
  decided_at timestamptz NOT NULL,
  CONSTRAINT pk_match PRIMARY KEY (id),
  CONSTRAINT fk_match_line_id FOREIGN KEY (line_id) REFERENCES statement_line (id),
  CONSTRAINT ck_match_target_type CHECK (target_type IN ('submission','returned_payment')),
  CONSTRAINT ck_match_state CHECK (state IN ('live','undone'))
);
CREATE UNIQUE INDEX uq_match_live ON match (line_id, target_type, target_id)
  WHERE state = 'live';
CREATE INDEX ix_match_target_type_target_id ON match (target_type, target_id);
CREATE TABLE reconciliation_exception (
  id uuid,
  body text NOT NULL,
  bank_account_id uuid NOT NULL,
  statement_id uuid NOT NULL,
  line_id uuid,
  payment_id uuid,
  code text NOT NULL,
  severity text NOT NULL,
  value_pence bigint NOT NULL,
  reason text NOT NULL,
  candidates jsonb NOT NULL,
  owner text,
  due_on date NOT NULL,
  state text NOT NULL DEFAULT 'open',
  created_at timestamptz NOT NULL,
  closed_at timestamptz,
  CONSTRAINT pk_reconciliation_exception PRIMARY KEY (id),
  CONSTRAINT ck_reconciliation_exception_state CHECK (state IN ('open','closed'))
);
CREATE UNIQUE INDEX uq_reconciliation_exception_line ON reconciliation_exception (line_id, code)
  WHERE line_id IS NOT NULL;
CREATE UNIQUE INDEX uq_reconciliation_exception_statement
  ON reconciliation_exception (statement_id, code) WHERE line_id IS NULL;
REVOKE DELETE, TRUNCATE ON statement_file, statement, statement_line, match,
  reconciliation_exception FROM payments;
