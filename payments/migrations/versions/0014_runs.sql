-- How many payments of a run are in each state, and how much they are: kept by the statement that
-- writes payments, whoever wrote it, so that no page ever counts a million rows. The counts are
-- spread over slots, because payments that come in one by one would queue for one row.
CREATE TABLE run_total (
  run_id uuid,
  state text,
  slot smallint,
  organisation text NOT NULL,
  payments bigint NOT NULL,
  pence bigint NOT NULL,
  CONSTRAINT pk_run_total PRIMARY KEY (run_id, state, slot)
);
CREATE INDEX ix_run_total_organisation_state ON run_total (organisation, state);

-- Which payments a shard of a stage is about: a stage knows numbers only.
CREATE TABLE run_part (
  stage_id uuid,
  number integer,
  first_id uuid NOT NULL,
  last_id uuid NOT NULL,
  CONSTRAINT pk_run_part PRIMARY KEY (stage_id, number),
  CONSTRAINT fk_run_part_stage_id_stage FOREIGN KEY (stage_id) REFERENCES stage (id),
  CONSTRAINT ck_run_part_order CHECK (first_id <= last_id)
);

CREATE FUNCTION count_new_payments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
BEGIN
  INSERT INTO run_total AS t (run_id, state, slot, organisation, payments, pence)
  SELECT n.run_id, n.state, pg_backend_pid() % 16, min(n.organisation), count(*),
         sum(n.amount_pence)
    FROM fresh n GROUP BY n.run_id, n.state ORDER BY n.run_id, n.state
  ON CONFLICT (run_id, state, slot) DO UPDATE
     SET payments = t.payments + excluded.payments, pence = t.pence + excluded.pence;
  RETURN NULL;
END $$;
CREATE FUNCTION count_gone_payments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
BEGIN
  INSERT INTO run_total AS t (run_id, state, slot, organisation, payments, pence)
  SELECT o.run_id, o.state, pg_backend_pid() % 16, min(o.organisation), -count(*),
         -sum(o.amount_pence)
    FROM gone o GROUP BY o.run_id, o.state ORDER BY o.run_id, o.state
  ON CONFLICT (run_id, state, slot) DO UPDATE
     SET payments = t.payments + excluded.payments, pence = t.pence + excluded.pence;
  RETURN NULL;
END $$;
CREATE FUNCTION count_moved_payments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
BEGIN
  INSERT INTO run_total AS t (run_id, state, slot, organisation, payments, pence)
  SELECT c.run_id, c.state, pg_backend_pid() % 16, min(c.organisation), sum(c.payments),
         sum(c.pence)
    FROM (SELECT run_id, state, min(organisation) AS organisation, count(*) AS payments,
                 sum(amount_pence) AS pence FROM fresh GROUP BY run_id, state
           UNION ALL
          SELECT run_id, state, min(organisation), -count(*), -sum(amount_pence)
            FROM gone GROUP BY run_id, state) c
   GROUP BY c.run_id, c.state HAVING sum(c.payments) <> 0 OR sum(c.pence) <> 0
   ORDER BY c.run_id, c.state
  ON CONFLICT (run_id, state, slot) DO UPDATE
     SET payments = t.payments + excluded.payments, pence = t.pence + excluded.pence;
  RETURN NULL;
END $$;
CREATE TRIGGER payment_counted_in AFTER INSERT ON payment REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION count_new_payments();
CREATE TRIGGER payment_counted AFTER UPDATE ON payment
  REFERENCING OLD TABLE AS gone NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION count_moved_payments();
CREATE TRIGGER payment_counted_out AFTER DELETE ON payment REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION count_gone_payments();
INSERT INTO run_total (run_id, state, slot, organisation, payments, pence)
SELECT run_id, state, 0, min(organisation), count(*), sum(amount_pence)
  FROM payment GROUP BY run_id, state;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON run_total FROM payments;
REVOKE UPDATE, DELETE, TRUNCATE ON run_part FROM payments;

-- What an approval signed of a payment is void as soon as one of the signed values changes, by
-- whatever statement: the run's hash cannot be made from it any more.
CREATE FUNCTION unsign_payment() RETURNS trigger LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
BEGIN
  NEW.content_sha256 := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER payment_unsigned
  BEFORE UPDATE OF payee_name, account_type, details_sealed, amount_pence, currency, reference,
                   gl_code ON payment
  FOR EACH ROW WHEN (OLD.content_sha256 IS NOT NULL
    AND (OLD.payee_name, OLD.account_type, OLD.details_sealed, OLD.amount_pence, OLD.currency,
         OLD.reference, OLD.gl_code)
        IS DISTINCT FROM (NEW.payee_name, NEW.account_type, NEW.details_sealed, NEW.amount_pence,
                          NEW.currency, NEW.reference, NEW.gl_code))
  EXECUTE FUNCTION unsign_payment();

-- A move to another state must not touch any index of payments: with the state in the condition of
-- an index each of the eight was written at every move, that of the words among them.
ALTER TABLE payment ADD COLUMN replaced_live text GENERATED ALWAYS AS
  (CASE WHEN state NOT IN ('cancelled', 'recalled', 'invalid') THEN replaces END) STORED;
DROP INDEX uq_payment_replaces;
CREATE UNIQUE INDEX uq_payment_replaces ON payment (replaced_live)
  WHERE replaced_live IS NOT NULL;
-- Room in each page for the next state of its rows.
ALTER TABLE payment SET (fillfactor = 55);

ALTER TABLE run
  -- The work in the background that has to end before anybody does the next step.
  ADD COLUMN working text,
  -- What was put forward, for the comparison with what is approved, released and in the file.
  ADD COLUMN signed_count bigint,
  ADD COLUMN signed_pence bigint,
  ADD CONSTRAINT ck_run_working CHECK (working IN
    ('put_forward', 'approve', 'reject', 'release', 'send_back', 'recall')),
  ADD CONSTRAINT ck_run_signed CHECK ((signed_count IS NULL) = (signed_pence IS NULL));
UPDATE run SET (signed_count, signed_pence) =
  (SELECT count(*), coalesce(sum(amount_pence), 0) FROM payment
    WHERE run_id = run.id AND state NOT IN ('held', 'ready', 'cancelled'))
 WHERE content_hash IS NOT NULL;
CREATE INDEX ix_run_event_shaping ON run_event (organisation, payment_id)
  WHERE payment_id IS NOT NULL AND kind IN ('edited', 'removed', 'hold_released');
