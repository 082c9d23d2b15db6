-- A journal that a person writes: asked for by one, posted by another through the ledger's writer.
CREATE TABLE journal (
  id uuid,
  body text NOT NULL,
  number integer NOT NULL,
  form_key uuid NOT NULL,
  state text NOT NULL DEFAULT 'waiting',
  effective_on date NOT NULL,
  description text NOT NULL,
  reason text NOT NULL,
  reverses uuid,
  line_count smallint NOT NULL,
  total_pence bigint NOT NULL,
  content_sha256 bytea NOT NULL,
  entry_id uuid,
  made_by_id text NOT NULL,
  made_by_name text NOT NULL,
  made_at timestamptz NOT NULL,
  decided_by_id text,
  decided_by_name text,
  decided_at timestamptz,
  decision_reason text NOT NULL DEFAULT '',
  CONSTRAINT pk_journal PRIMARY KEY (id),
  CONSTRAINT uq_journal_body_number UNIQUE (body, number),
  CONSTRAINT uq_journal_body_form_key UNIQUE (body, form_key),
  CONSTRAINT fk_journal_reverses_journal FOREIGN KEY (reverses) REFERENCES journal (id),
  CONSTRAINT ck_journal_state CHECK (state IN ('waiting', 'posted', 'declined', 'withdrawn')),
  CONSTRAINT ck_journal_content CHECK (number > 0 AND line_count >= 2 AND total_pence > 0
    AND description <> '' AND reason <> ''),
  CONSTRAINT ck_journal_decided CHECK ((state = 'waiting') = (decided_at IS NULL)
    AND (decided_at IS NULL) = (decided_by_id IS NULL)
    AND (decided_at IS NULL) = (decided_by_name IS NULL)),
  CONSTRAINT ck_journal_posted CHECK ((state = 'posted') = (entry_id IS NOT NULL)),
  CONSTRAINT ck_journal_two_people CHECK (CASE state
    WHEN 'posted' THEN decided_by_id <> made_by_id WHEN 'declined' THEN decided_by_id <> made_by_id
    WHEN 'withdrawn' THEN decided_by_id = made_by_id ELSE true END)
);
-- One reversal for each journal, besides those that came to nothing.
CREATE UNIQUE INDEX uq_journal_reverses ON journal (reverses)
  WHERE reverses IS NOT NULL AND state IN ('waiting', 'posted');
CREATE INDEX ix_journal_state ON journal (body, state, number);
CREATE TABLE journal_line (
  journal_id uuid,
  line_no smallint,
  account text COLLATE "C" NOT NULL,
  amount_pence bigint NOT NULL,
  note text NOT NULL DEFAULT '',
  CONSTRAINT pk_journal_line PRIMARY KEY (journal_id, line_no),
  CONSTRAINT fk_journal_line_journal_id_journal FOREIGN KEY (journal_id) REFERENCES journal (id),
  CONSTRAINT ck_journal_line_amount CHECK (amount_pence <> 0),
  -- What proves itself against runs, the bank or vouchers is written by the service alone.
  CONSTRAINT ck_journal_line_account CHECK (account NOT IN ('payments_approved', 'in_transit',
    'returns_receivable', 'returned_unapplied', 'vouchers_issued', 'payout_in_transit')
    AND account NOT LIKE 'bank.%' AND account NOT LIKE 'suspense.%')
);
REVOKE UPDATE, DELETE, TRUNCATE ON journal, journal_line FROM payments;
GRANT UPDATE (state, entry_id, decided_by_id, decided_by_name, decided_at, decision_reason)
  ON journal TO payments;

-- At the commit a journal is whole: its lines are there and sum to zero.
CREATE FUNCTION check_journal_lines() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
DECLARE the_id uuid; j record; s record;
BEGIN
  the_id := (CASE TG_TABLE_NAME WHEN 'journal' THEN to_jsonb(NEW) ->> 'id'
    ELSE to_jsonb(NEW) ->> 'journal_id' END)::uuid;
  SELECT * INTO j FROM journal WHERE id = the_id;
  SELECT count(*) AS lines, coalesce(sum(amount_pence), 0) AS total,
         coalesce(sum(amount_pence) FILTER (WHERE amount_pence > 0), 0) AS debit,
         min(line_no) AS lowest, max(line_no) AS highest
    INTO s FROM journal_line WHERE journal_id = the_id;
  IF s.lines <> j.line_count OR s.total <> 0 OR s.debit <> j.total_pence OR s.lowest <> 1
     OR s.highest <> j.line_count THEN
    RAISE EXCEPTION 'journal %: its lines are not whole or do not balance', the_id
      USING ERRCODE = 'LG040';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journal_whole AFTER INSERT ON journal
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_journal_lines();
CREATE CONSTRAINT TRIGGER journal_line_whole AFTER INSERT ON journal_line
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_journal_lines();

-- Decided once; and posted only with an entry of the ledger that is this journal's.
CREATE FUNCTION check_journal_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
BEGIN
  IF OLD.state <> 'waiting' THEN
    RAISE EXCEPTION 'journal %: it is decided', OLD.id USING ERRCODE = 'LG041';
  END IF;
  IF NEW.state = 'posted' AND NOT EXISTS (SELECT FROM entry e WHERE e.id = NEW.entry_id
       AND e.body = NEW.body AND e.event_id = NEW.id::text AND e.effective_on = NEW.effective_on
       AND e.event_type = CASE WHEN NEW.reverses IS NULL THEN 'journal.posted'
                               ELSE 'journal.reversed' END) THEN
    RAISE EXCEPTION 'journal %: that entry is not its own', OLD.id USING ERRCODE = 'LG042';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER journal_moves BEFORE UPDATE ON journal
  FOR EACH ROW EXECUTE FUNCTION check_journal_move();

-- The VAT codes of exports: which there are, the usual one, those of programmes and of accounts.
ALTER TABLE gl_setting ADD COLUMN vat jsonb NOT NULL DEFAULT '{}';

-- What an auditor takes away: asked for, made in the background, kept sealed for a time.
CREATE TABLE audit_pack (
  id uuid,
  body text NOT NULL,
  first_day date NOT NULL,
  last_day date NOT NULL,
  state text NOT NULL DEFAULT 'waiting',
  step text NOT NULL DEFAULT '',
  steps_done integer NOT NULL DEFAULT 0,
  steps integer NOT NULL DEFAULT 0,
  attempt integer NOT NULL DEFAULT 0,
  bytes bigint,
  sha256 bytea,
  manifest_sha256 bytea,
  problem text NOT NULL DEFAULT '',
  asked_by_id text NOT NULL,
  asked_by_name text NOT NULL,
  asked_at timestamptz NOT NULL,
  ready_at timestamptz,
  removed_at timestamptz,
  CONSTRAINT pk_audit_pack PRIMARY KEY (id),
  CONSTRAINT ck_audit_pack_days CHECK (first_day <= last_day),
  CONSTRAINT ck_audit_pack_state CHECK (state IN ('waiting', 'ready')),
  CONSTRAINT ck_audit_pack_ready CHECK ((state = 'ready') = (ready_at IS NOT NULL)
    AND (state = 'ready') = (sha256 IS NOT NULL) AND (sha256 IS NULL) = (manifest_sha256 IS NULL)
    AND (sha256 IS NULL) = (bytes IS NULL) AND (removed_at IS NULL OR state = 'ready'))
);
CREATE INDEX ix_audit_pack_body ON audit_pack (body, id);
CREATE UNIQUE INDEX uq_audit_pack_waiting ON audit_pack (body, first_day, last_day)
  WHERE state = 'waiting';
CREATE TABLE audit_pack_part (
  pack_id uuid,
  attempt integer,
  number integer,
  sealed bytea NOT NULL,
  CONSTRAINT pk_audit_pack_part PRIMARY KEY (pack_id, attempt, number),
  CONSTRAINT fk_audit_pack_part_pack_id_audit_pack FOREIGN KEY (pack_id) REFERENCES audit_pack (id)
);
ALTER TABLE audit_pack_part ALTER COLUMN sealed SET STORAGE EXTERNAL;
REVOKE DELETE, TRUNCATE ON audit_pack FROM payments;
REVOKE UPDATE ON audit_pack_part FROM payments;
