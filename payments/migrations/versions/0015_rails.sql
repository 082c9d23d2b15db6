-- Rails beside Bacs, files written in parts, work that the bank's answers make for people.
CREATE TABLE bank_route (
  bank_account_id uuid,
  rail text,
  file_format text NOT NULL,
  channel text NOT NULL,
  profile jsonb NOT NULL DEFAULT '{}',
  changed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_bank_route PRIMARY KEY (bank_account_id, rail),
  CONSTRAINT fk_bank_route_bank_account_id_bank_account FOREIGN KEY (bank_account_id)
    REFERENCES bank_account (id),
  CONSTRAINT ck_bank_route_rail CHECK (rail IN ('bacs','faster_payments','chaps')),
  CONSTRAINT ck_bank_route_file_format CHECK (file_format IN ('standard18','pain.001.001.09')),
  CONSTRAINT ck_bank_route_channel CHECK (channel IN ('https','sftp')),
  CONSTRAINT ck_bank_route_chaps CHECK (rail <> 'chaps' OR file_format = 'pain.001.001.09')
);
ALTER TABLE submission
  ADD COLUMN rail text NOT NULL DEFAULT 'bacs',
  ADD COLUMN file_format text NOT NULL DEFAULT 'standard18',
  ADD COLUMN channel text NOT NULL DEFAULT 'https',
  ADD COLUMN profile jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN stage_id uuid,
  ADD COLUMN approved_count integer,
  ADD COLUMN approved_pence bigint,
  ADD COLUMN recalled_count integer,
  ADD COLUMN recalled_pence bigint,
  ADD COLUMN acknowledged_count integer,
  ADD COLUMN acknowledged_pence bigint,
  ADD CONSTRAINT ck_submission_approved CHECK (
    (approved_count IS NULL) = (approved_pence IS NULL)
    AND (recalled_count IS NULL) = (recalled_pence IS NULL)),
  ADD CONSTRAINT ck_submission_acknowledged CHECK (
    (acknowledged_count IS NULL) = (acknowledged_pence IS NULL));
CREATE INDEX ix_submission_body_id ON submission (body, id);
ALTER TABLE submission_item ADD COLUMN end_to_end_id text NOT NULL DEFAULT '';
CREATE INDEX ix_submission_item_end_to_end_id ON submission_item (end_to_end_id)
  WHERE end_to_end_id <> '';

CREATE TABLE submission_part (
  submission_id uuid,
  number integer,
  first_line integer NOT NULL,
  payment_count integer NOT NULL,
  total_pence bigint NOT NULL,
  first_payment_id uuid,
  last_payment_id uuid,
  content_sealed bytea,
  content_bytes bigint,
  content_sha256 bytea,
  changed_texts integer NOT NULL DEFAULT 0,
  CONSTRAINT pk_submission_part PRIMARY KEY (submission_id, number),
  CONSTRAINT fk_submission_part_submission_id_submission FOREIGN KEY (submission_id)
    REFERENCES submission (id),
  CONSTRAINT ck_submission_part_content CHECK ((content_sealed IS NULL) = (content_bytes IS NULL)
    AND (content_bytes IS NULL) = (content_sha256 IS NULL))
);
-- Sealed bytes cannot be made smaller; trying costs time.
ALTER TABLE submission_part ALTER COLUMN content_sealed SET STORAGE EXTERNAL;
INSERT INTO submission_part (submission_id, number, first_line, payment_count, total_pence,
                             content_sealed, content_bytes, content_sha256)
SELECT submission_id, 0, 1, payment_count, total_pence, content_sealed, content_bytes,
       content_sha256 FROM attempt WHERE number = 1;
CREATE FUNCTION check_submission_part() RETURNS trigger LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
BEGIN
  IF OLD.content_sha256 IS NOT NULL OR (NEW.first_line, NEW.payment_count, NEW.total_pence,
      NEW.first_payment_id, NEW.last_payment_id) IS DISTINCT FROM (OLD.first_line,
      OLD.payment_count, OLD.total_pence, OLD.first_payment_id, OLD.last_payment_id) THEN
    RAISE EXCEPTION 'submission %: its part % is sealed', NEW.submission_id, NEW.number
      USING ERRCODE = 'LG021';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER submission_part_is_sealed BEFORE UPDATE ON submission_part
  FOR EACH ROW EXECUTE FUNCTION check_submission_part();
REVOKE DELETE, TRUNCATE ON submission_part FROM payments;

ALTER TABLE attempt
  DROP COLUMN content_sealed,
  ALTER COLUMN content_sha256 DROP NOT NULL,
  ALTER COLUMN content_bytes DROP NOT NULL,
  ALTER COLUMN sealed_at DROP NOT NULL,
  ADD CONSTRAINT ck_attempt_sealed CHECK (state IN ('prepared', 'abandoned')
    OR (content_sha256 IS NOT NULL AND content_bytes IS NOT NULL AND sealed_at IS NOT NULL));
CREATE OR REPLACE FUNCTION check_attempt() RETURNS trigger LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state NOT IN ('prepared', 'sealed') THEN
      RAISE EXCEPTION 'attempt %: it cannot begin as %', NEW.id, NEW.state USING ERRCODE = 'LG020';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
      ('prepared', 'sealed'), ('prepared', 'sending'), ('prepared', 'abandoned'),
      ('sealed', 'sending'), ('sealed', 'abandoned'), ('sending', 'acknowledged'),
      ('sending', 'refused'), ('sending', 'unknown'), ('unknown', 'acknowledged'),
      ('unknown', 'refused')) THEN
    RAISE EXCEPTION 'attempt %: % cannot become %', NEW.id, OLD.state, NEW.state
      USING ERRCODE = 'LG020';
  END IF;
  IF OLD.state <> 'prepared' AND (NEW.content_sha256, NEW.content_bytes,
      NEW.payment_count, NEW.total_pence, NEW.submission_id) IS DISTINCT FROM (
      OLD.content_sha256, OLD.content_bytes, OLD.payment_count, OLD.total_pence,
      OLD.submission_id) THEN
    RAISE EXCEPTION 'attempt %: its content is sealed', NEW.id USING ERRCODE = 'LG021';
  END IF;
  RETURN NEW;
END $$;

-- What two people say became of a hand-over whose answer was lost (ledger contract 4.2).
CREATE TABLE attempt_verdict (
  id uuid,
  attempt_id uuid NOT NULL,
  verdict text NOT NULL,
  evidence text NOT NULL,
  bank_reference text NOT NULL,
  proposed_by_id text NOT NULL,
  proposed_by_name text NOT NULL,
  proposed_at timestamptz NOT NULL,
  decided_by_id text,
  decided_by_name text,
  decided_at timestamptz,
  state text NOT NULL DEFAULT 'proposed',
  CONSTRAINT pk_attempt_verdict PRIMARY KEY (id),
  CONSTRAINT fk_attempt_verdict_attempt_id_attempt FOREIGN KEY (attempt_id)
    REFERENCES attempt (id),
  CONSTRAINT ck_attempt_verdict_verdict CHECK (verdict IN ('acknowledged','refused')),
  CONSTRAINT ck_attempt_verdict_evidence CHECK (btrim(evidence) <> ''),
  CONSTRAINT ck_attempt_verdict_state CHECK (state IN ('proposed','confirmed','withdrawn')),
  CONSTRAINT ck_attempt_verdict_two_people CHECK (
    (state = 'proposed') = (decided_by_id IS NULL)
    AND (state <> 'confirmed' OR decided_by_id <> proposed_by_id))
);
CREATE UNIQUE INDEX uq_attempt_verdict_open ON attempt_verdict (attempt_id)
  WHERE state IN ('proposed','confirmed');
REVOKE DELETE, TRUNCATE ON attempt_verdict FROM payments;

CREATE TABLE work_item (
  id uuid,
  body text NOT NULL,
  key text NOT NULL,
  kind text NOT NULL,
  submission_id uuid,
  payment_id uuid,
  report_id uuid,
  code text NOT NULL DEFAULT '',
  reason text NOT NULL DEFAULT '',
  action text NOT NULL,
  amount_pence bigint NOT NULL DEFAULT 0,
  private_sealed bytea,
  due_on date NOT NULL,
  owner_id text,
  owner_name text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'open',
  result text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  closed_at timestamptz,
  closed_by_id text,
  closed_by_name text NOT NULL DEFAULT '',
  CONSTRAINT pk_work_item PRIMARY KEY (id),
  CONSTRAINT uq_work_item_body_key UNIQUE (body, key),
  CONSTRAINT ck_work_item_kind CHECK (kind IN ('returned','rejected','amended','file_refused',
    'file_stopped','totals_differ','outcome_unknown','report_unread','report_contradicts')),
  CONSTRAINT ck_work_item_state CHECK (state IN ('open','done')),
  CONSTRAINT ck_work_item_done CHECK ((state = 'done') = (closed_at IS NOT NULL))
);
CREATE INDEX ix_work_item_open ON work_item (body, due_on, id) WHERE state = 'open';
CREATE INDEX ix_work_item_payment_id ON work_item (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX ix_work_item_submission_id ON work_item (submission_id)
  WHERE submission_id IS NOT NULL;
CREATE TABLE work_note (
  id uuid,
  item_id uuid NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  person_id text NOT NULL,
  person_name text NOT NULL,
  text text NOT NULL,
  CONSTRAINT pk_work_note PRIMARY KEY (id),
  CONSTRAINT fk_work_note_item_id_work_item FOREIGN KEY (item_id) REFERENCES work_item (id),
  CONSTRAINT ck_work_note_kind CHECK (kind IN ('note','assigned','done','proposed'))
);
CREATE INDEX ix_work_note_item_id ON work_note (item_id, id);
REVOKE DELETE, TRUNCATE ON work_item FROM payments;
REVOKE UPDATE, DELETE, TRUNCATE ON work_note FROM payments;
