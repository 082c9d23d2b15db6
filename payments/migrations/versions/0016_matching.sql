-- Statements in every format, what could be expected on them, rules of matching, work on exceptions.
ALTER TABLE statement
  ADD COLUMN problem text NOT NULL DEFAULT '',
  DROP CONSTRAINT ck_statement_state,
  ADD CONSTRAINT ck_statement_state CHECK (state IN ('waiting','gap','mismatch','totals',
    'reconciled','set_aside'));
DROP INDEX uq_statement_sequence;
CREATE UNIQUE INDEX uq_statement_sequence ON statement (bank_account_id, sequence)
  WHERE sequence IS NOT NULL AND state <> 'set_aside';

ALTER TABLE statement_line
  DROP COLUMN allocated_pence,
  ADD COLUMN uetr text NOT NULL DEFAULT '',
  ADD COLUMN set_aside boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT uq_statement_line_content;
CREATE UNIQUE INDEX uq_statement_line_content
  ON statement_line (bank_account_id, content_hash, occurrence) WHERE NOT set_aside;
-- Ids in order of time, made where a million rows are made.
CREATE FUNCTION match_id() RETURNS uuid LANGUAGE sql VOLATILE SET search_path = pg_catalog AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
    substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
    FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;
CREATE TABLE line_allocation (
  line_id uuid,
  amount_pence bigint NOT NULL,
  allocated_pence bigint NOT NULL,
  CONSTRAINT pk_line_allocation PRIMARY KEY (line_id),
  CONSTRAINT ck_line_allocation_allocated CHECK (allocated_pence BETWEEN 0 AND amount_pence)
);

-- What somebody may pay in or the bank may take out one by one; a payment of ours is one of them.
CREATE TABLE expected_item (
  id uuid,
  target_type text NOT NULL,
  body text NOT NULL,
  bank_account_id uuid NOT NULL,
  run_id uuid,
  submission_id uuid,
  amount_pence bigint NOT NULL,
  due_on date NOT NULL,
  end_to_end_id text NOT NULL DEFAULT '',
  uetr text NOT NULL DEFAULT '',
  group_key text NOT NULL DEFAULT '',
  reference text NOT NULL DEFAULT '',
  reference_key text NOT NULL DEFAULT '',
  account_hash bytea,
  label text NOT NULL DEFAULT '',
  ledger_account text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_expected_item PRIMARY KEY (id),
  CONSTRAINT fk_expected_item_bank_account_id FOREIGN KEY (bank_account_id)
    REFERENCES bank_account (id),
  CONSTRAINT ck_expected_item_target_type CHECK (target_type IN ('payment','expected_item')),
  CONSTRAINT ck_expected_item_amount CHECK (amount_pence <> 0)
);
CREATE INDEX ix_expected_item_amount
  ON expected_item (bank_account_id, amount_pence, due_on);
CREATE INDEX ix_expected_item_end_to_end_id ON expected_item (bank_account_id, end_to_end_id)
  WHERE end_to_end_id <> '';
CREATE INDEX ix_expected_item_uetr ON expected_item (bank_account_id, uetr) WHERE uetr <> '';
CREATE INDEX ix_expected_item_reference_key ON expected_item (bank_account_id, reference_key)
  WHERE reference_key <> '';
CREATE INDEX ix_expected_item_group_key ON expected_item (bank_account_id, group_key)
  WHERE group_key <> '';
CREATE INDEX ix_expected_item_submission_id ON expected_item (submission_id)
  WHERE submission_id IS NOT NULL;

-- A match is added once and undone once; its counters follow by trigger, whoever writes.
ALTER TABLE match
  DROP CONSTRAINT fk_match_line_id,
  DROP CONSTRAINT ck_match_target_type,
  ADD CONSTRAINT ck_match_target_type CHECK (target_type IN ('submission','returned_payment',
    'payment','expected_item','write_off','suspense')),
  ADD CONSTRAINT ck_match_amount CHECK (amount_pence > 0),
  ADD COLUMN target_pence bigint NOT NULL DEFAULT 0,
  ADD COLUMN run_id uuid,
  ADD COLUMN undone_by text,
  ADD COLUMN undone_at timestamptz,
  ADD COLUMN undo_reason text,
  ADD CONSTRAINT ck_match_undone CHECK ((state = 'undone') = (undone_at IS NOT NULL)
    AND (undone_at IS NULL) = (undone_by IS NULL)
    AND (undone_at IS NULL) = (undo_reason IS NULL));
UPDATE match m SET target_pence = t.amount_pence FROM match_target t
 WHERE t.target_type = m.target_type AND t.target_id = m.target_id;
UPDATE match SET target_pence = amount_pence WHERE target_pence = 0;
INSERT INTO line_allocation (line_id, amount_pence, allocated_pence)
SELECT m.line_id, abs(l.amount_pence), sum(m.amount_pence)
  FROM match m JOIN statement_line l ON l.id = m.line_id WHERE m.state = 'live' GROUP BY 1, 2;
ALTER TABLE match ALTER COLUMN target_pence DROP DEFAULT,
  ADD CONSTRAINT ck_match_target_pence CHECK (target_pence >= amount_pence);

CREATE FUNCTION count_matches() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
DECLARE missing bigint; counted bigint;
BEGIN
  INSERT INTO line_allocation AS a (line_id, amount_pence, allocated_pence)
  SELECT s.line_id, abs(l.amount_pence), s.pence
    FROM (SELECT line_id, sum(amount_pence) pence FROM fresh GROUP BY 1) s
    JOIN statement_line l ON l.id = s.line_id AND NOT l.set_aside
   ORDER BY 1
  ON CONFLICT (line_id) DO UPDATE SET allocated_pence = a.allocated_pence + excluded.allocated_pence;
  GET DIAGNOSTICS counted = ROW_COUNT;
  SELECT count(DISTINCT line_id) INTO missing FROM fresh;
  IF counted <> missing THEN
    RAISE EXCEPTION 'a match names a line that is not there' USING ERRCODE = 'LG030';
  END IF;
  INSERT INTO match_target AS t (target_type, target_id, amount_pence, allocated_pence)
  SELECT target_type, target_id, max(target_pence), sum(amount_pence) FROM fresh
   GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (target_type, target_id) DO UPDATE
     SET allocated_pence = t.allocated_pence + excluded.allocated_pence,
         amount_pence = CASE WHEN t.allocated_pence = 0 THEN excluded.amount_pence
                             ELSE t.amount_pence END;
  RETURN NULL;
END $$;
CREATE TRIGGER match_counted AFTER INSERT ON match REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION count_matches();
CREATE FUNCTION uncount_matches() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh WHERE state <> 'undone') OR EXISTS (
      SELECT id, line_id, target_type, target_id, amount_pence FROM fresh
      EXCEPT SELECT id, line_id, target_type, target_id, amount_pence FROM stale
              WHERE state = 'live') THEN
    RAISE EXCEPTION 'a match is undone once and never changed' USING ERRCODE = 'LG031';
  END IF;
  UPDATE line_allocation a SET allocated_pence = a.allocated_pence - s.pence
    FROM (SELECT line_id, sum(amount_pence) pence FROM fresh GROUP BY 1) s
   WHERE s.line_id = a.line_id;
  UPDATE match_target t SET allocated_pence = t.allocated_pence - s.pence
    FROM (SELECT target_type, target_id, sum(amount_pence) pence FROM fresh GROUP BY 1, 2) s
   WHERE s.target_type = t.target_type AND s.target_id = t.target_id;
  RETURN NULL;
END $$;
CREATE TRIGGER match_uncounted AFTER UPDATE ON match
  REFERENCING NEW TABLE AS fresh OLD TABLE AS stale
  FOR EACH STATEMENT EXECUTE FUNCTION uncount_matches();
CREATE INDEX ix_match_undone ON match (line_id) WHERE state = 'undone';

-- Rules of an account; a new version is a new row, tried first and put into force by another person.
CREATE TABLE matching_rules (
  id uuid,
  body text NOT NULL,
  bank_account_id uuid NOT NULL,
  version integer NOT NULL,
  pattern text NOT NULL DEFAULT '',
  window_days integer NOT NULL,
  return_days integer NOT NULL,
  commit_by_amount boolean NOT NULL,
  state text NOT NULL DEFAULT 'draft',
  trial jsonb,
  proposed_by text NOT NULL,
  proposed_name text NOT NULL,
  proposed_at timestamptz NOT NULL,
  decided_by text,
  decided_name text,
  decided_at timestamptz,
  CONSTRAINT pk_matching_rules PRIMARY KEY (id),
  CONSTRAINT uq_matching_rules_version UNIQUE (bank_account_id, version),
  CONSTRAINT fk_matching_rules_bank_account_id FOREIGN KEY (bank_account_id)
    REFERENCES bank_account (id),
  CONSTRAINT ck_matching_rules_state CHECK (state IN ('draft','active','retired','refused')),
  CONSTRAINT ck_matching_rules_days CHECK (window_days BETWEEN 0 AND 30
    AND return_days BETWEEN 1 AND 60 AND length(pattern) <= 200),
  CONSTRAINT ck_matching_rules_people CHECK (decided_by IS NULL OR decided_by <> proposed_by),
  CONSTRAINT ck_matching_rules_decided CHECK ((state = 'draft') = (decided_at IS NULL)
    AND (decided_at IS NULL) = (decided_by IS NULL)
    AND (state NOT IN ('active','retired') OR trial IS NOT NULL))
);
CREATE UNIQUE INDEX uq_matching_rules_active ON matching_rules (bank_account_id)
  WHERE state = 'active';
CREATE UNIQUE INDEX uq_matching_rules_draft ON matching_rules (bank_account_id)
  WHERE state = 'draft';

-- What takes two people: a write-off, a statement taken or set aside in spite of its fault.
CREATE TABLE reconciliation_proposal (
  id uuid,
  body text NOT NULL,
  bank_account_id uuid NOT NULL,
  kind text NOT NULL,
  line_id uuid,
  statement_id uuid,
  account_code text,
  amount_pence bigint,
  reason text NOT NULL,
  state text NOT NULL DEFAULT 'open',
  proposed_by text NOT NULL,
  proposed_name text NOT NULL,
  proposed_at timestamptz NOT NULL,
  decided_by text,
  decided_name text,
  decided_at timestamptz,
  CONSTRAINT pk_reconciliation_proposal PRIMARY KEY (id),
  CONSTRAINT fk_reconciliation_proposal_line_id FOREIGN KEY (line_id)
    REFERENCES statement_line (id),
  CONSTRAINT fk_reconciliation_proposal_statement_id FOREIGN KEY (statement_id)
    REFERENCES statement (id),
  CONSTRAINT ck_reconciliation_proposal_kind CHECK (CASE kind
    WHEN 'write_off' THEN line_id IS NOT NULL AND account_code IS NOT NULL AND amount_pence > 0
    WHEN 'accept_statement' THEN statement_id IS NOT NULL
    WHEN 'set_aside_statement' THEN statement_id IS NOT NULL ELSE false END),
  CONSTRAINT ck_reconciliation_proposal_state CHECK (state IN ('open','approved','refused')),
  CONSTRAINT ck_reconciliation_proposal_people
    CHECK (state <> 'approved' OR decided_by <> proposed_by),
  CONSTRAINT ck_reconciliation_proposal_decided CHECK ((state = 'open') = (decided_at IS NULL)
    AND (decided_at IS NULL) = (decided_by IS NULL))
);
CREATE UNIQUE INDEX uq_reconciliation_proposal_statement ON reconciliation_proposal (statement_id)
  WHERE state = 'open' AND statement_id IS NOT NULL;
CREATE INDEX ix_reconciliation_proposal_line_id ON reconciliation_proposal (line_id);
CREATE INDEX ix_reconciliation_proposal_open ON reconciliation_proposal (body, proposed_at)
  WHERE state = 'open';

ALTER TABLE reconciliation_exception
  ADD COLUMN owner_name text,
  ADD COLUMN resolution text;
DROP INDEX uq_reconciliation_exception_line;
CREATE UNIQUE INDEX uq_reconciliation_exception_line ON reconciliation_exception (line_id, code)
  WHERE line_id IS NOT NULL AND state = 'open';
DROP INDEX uq_reconciliation_exception_statement;
CREATE UNIQUE INDEX uq_reconciliation_exception_statement
  ON reconciliation_exception (statement_id, code) WHERE line_id IS NULL AND state = 'open';
CREATE INDEX ix_reconciliation_exception_open
  ON reconciliation_exception (body, severity, due_on, id) WHERE state = 'open';
CREATE INDEX ix_reconciliation_exception_account
  ON reconciliation_exception (bank_account_id, created_at);
CREATE INDEX ix_reconciliation_exception_line_id ON reconciliation_exception (line_id);
CREATE INDEX ix_statement_line_bank_account_id ON statement_line (bank_account_id, booking_date);

-- Everything that people did about a line, and notes to each other; nothing of it is ever changed.
CREATE TABLE exception_note (
  id uuid,
  exception_id uuid NOT NULL,
  kind text NOT NULL,
  words text NOT NULL,
  person_id text NOT NULL,
  person_name text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT pk_exception_note PRIMARY KEY (id),
  CONSTRAINT fk_exception_note_exception_id FOREIGN KEY (exception_id)
    REFERENCES reconciliation_exception (id),
  CONSTRAINT ck_exception_note_kind CHECK (kind IN ('note','question','owner','due','decision'))
);
CREATE INDEX ix_exception_note_exception_id ON exception_note (exception_id, id);

CREATE TABLE csv_mapping (
  bank_account_id uuid,
  body text NOT NULL,
  mapping jsonb NOT NULL,
  saved_by text NOT NULL,
  saved_name text NOT NULL,
  saved_at timestamptz NOT NULL,
  CONSTRAINT pk_csv_mapping PRIMARY KEY (bank_account_id),
  CONSTRAINT fk_csv_mapping_bank_account_id FOREIGN KEY (bank_account_id)
    REFERENCES bank_account (id)
);

CREATE TABLE reconciliation_sign_off (
  id uuid,
  body text NOT NULL,
  bank_account_id uuid NOT NULL,
  day date NOT NULL,
  figures jsonb NOT NULL,
  sha256 bytea NOT NULL,
  state text NOT NULL DEFAULT 'prepared',
  prepared_by text NOT NULL,
  prepared_name text NOT NULL,
  prepared_at timestamptz NOT NULL,
  signed_by text,
  signed_name text,
  signed_at timestamptz,
  CONSTRAINT pk_reconciliation_sign_off PRIMARY KEY (id),
  CONSTRAINT fk_reconciliation_sign_off_bank_account_id FOREIGN KEY (bank_account_id)
    REFERENCES bank_account (id),
  CONSTRAINT ck_reconciliation_sign_off_state CHECK (state IN ('prepared','signed','replaced')),
  CONSTRAINT ck_reconciliation_sign_off_signed CHECK (
    (state = 'signed') = (signed_by IS NOT NULL) AND (signed_by IS NULL) = (signed_at IS NULL)
    AND (signed_by IS NULL OR signed_by <> prepared_by))
);
CREATE UNIQUE INDEX uq_reconciliation_sign_off_day
  ON reconciliation_sign_off (bank_account_id, day) WHERE state <> 'replaced';

REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON line_allocation, match_target FROM payments;
REVOKE UPDATE ON match FROM payments;
GRANT UPDATE (state, undone_by, undone_at, undo_reason) ON match TO payments;
REVOKE UPDATE, DELETE, TRUNCATE ON exception_note FROM payments;
REVOKE DELETE, TRUNCATE ON expected_item, matching_rules, reconciliation_proposal,
  reconciliation_sign_off FROM payments;
REVOKE UPDATE ON statement_line, expected_item FROM payments;
GRANT UPDATE (set_aside) ON statement_line TO payments;
