-- The ledger: every invariant of it is held here, against the application itself.
-- Plans inside functions are kept for the life of a connection, so one made while a table was small
-- would scan it for every posting later. The two trigger functions therefore allow index probes only,
-- and outer joins keep the new rows on the outside.

CREATE FUNCTION check_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE bad record;
BEGIN
  PERFORM 1 FROM period p WHERE p.id IN (SELECT DISTINCT period_id FROM fresh)
    ORDER BY p.id FOR SHARE;
  SELECT f.id, p.state INTO bad FROM fresh f LEFT JOIN period p ON p.id = f.period_id
   WHERE p.id IS NULL OR p.body <> f.body OR p.state <> 'open' OR f.effective_on >= p.ends_before
      OR (f.effective_on < p.starts_on AND EXISTS (
            SELECT 1 FROM period o WHERE o.body = f.body AND o.state = 'open'
               AND f.effective_on >= o.starts_on AND f.effective_on < o.ends_before))
   ORDER BY f.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry %: its period is %', bad.id, coalesce(bad.state, 'missing')
      USING ERRCODE = 'LG009';
  END IF;
  SELECT f.id, f.kind INTO bad FROM fresh f LEFT JOIN entry o ON o.id = f.refers_to
   WHERE f.refers_to IS NOT NULL AND (o.id IS NULL OR o.body <> f.body OR o.currency <> f.currency
      OR CASE f.kind WHEN 'reversal' THEN o.kind NOT IN ('posted','correction')
                     WHEN 'correction' THEN o.kind IN ('pending','void')
                     ELSE o.kind <> 'pending' END)
   ORDER BY f.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry %: a % cannot refer to that entry', bad.id, bad.kind
      USING ERRCODE = 'LG010';
  END IF;
  SELECT f.id INTO bad FROM fresh f LEFT JOIN posting_batch b ON b.id = f.batch_id
   WHERE b.id IS NULL OR b.xid <> pg_current_xact_id() ORDER BY f.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry %: its batch was not opened by this transaction', bad.id
      USING ERRCODE = 'LG001';
  END IF;
  SELECT f.id INTO bad FROM fresh f LEFT JOIN posting_batch b ON b.id = f.batch_id
   WHERE b.id IS NULL OR b.body <> f.body ORDER BY f.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry %: its batch is of another body', bad.id USING ERRCODE = 'LG007';
  END IF;
  UPDATE posting_batch b
     SET entries_seen = entries_seen + s.entries, postings_declared = postings_declared + s.lines
    FROM (SELECT batch_id, count(*) entries, sum(posting_count) lines FROM fresh GROUP BY 1) s
   WHERE b.id = s.batch_id;
  RETURN NULL;
END $$;
CREATE TRIGGER entry_whole AFTER INSERT ON entry REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION check_entries();

CREATE FUNCTION check_reversals(ids uuid[]) RETURNS void LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
DECLARE bad uuid;
BEGIN
  SELECT e.id INTO bad FROM entry e JOIN entry o ON o.id = e.refers_to
   WHERE e.id = ANY(ids) AND e.kind = 'reversal' AND (e.posting_count <> o.posting_count OR EXISTS (
     SELECT account_id, -amount FROM posting WHERE entry_id = e.id
     EXCEPT ALL SELECT account_id, amount FROM posting WHERE entry_id = o.id))
   ORDER BY e.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry %: it does not mirror what it reverses', bad USING ERRCODE = 'LG011';
  END IF;
END $$;
CREATE FUNCTION resolve_pending(ids uuid[]) RETURNS void LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
DECLARE bad record; wanted bigint; done bigint;
BEGIN
  SELECT e.id INTO bad FROM entry e WHERE e.id = ANY(ids) AND e.kind IN ('post','void') AND (
    EXISTS (SELECT account_id FROM (
        SELECT account_id, amount FROM posting WHERE entry_id = e.id AND pending
        UNION ALL SELECT account_id, amount FROM posting WHERE entry_id = e.refers_to) x
       GROUP BY account_id HAVING sum(amount) <> 0)
    OR EXISTS (SELECT account_id FROM posting p WHERE p.entry_id = e.id AND NOT p.pending
       GROUP BY account_id HAVING NOT EXISTS (
         SELECT 1 FROM posting o WHERE o.entry_id = e.refers_to AND o.account_id = p.account_id
            AND sign(o.amount) = sign(sum(p.amount))
         HAVING abs(sum(o.amount)) >= abs(sum(p.amount)))))
   ORDER BY e.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'entry %: more than reserved, or the reservation is not taken off whole',
      bad.id USING ERRCODE = 'LG013';
  END IF;
  SELECT count(*) INTO wanted FROM entry WHERE id = ANY(ids) AND kind IN ('post','void');
  INSERT INTO pending_resolution (pending_entry_id, resolved_by, outcome, posted_amount)
  SELECT e.refers_to, e.id,
         CASE WHEN e.kind = 'post' THEN 'posted'
              WHEN e.event_type = 'reservation.expired' THEN 'expired' ELSE 'voided' END,
         coalesce((SELECT sum(amount) FROM posting p
                    WHERE p.entry_id = e.id AND NOT pending AND amount > 0), 0)
    FROM entry e WHERE e.id = ANY(ids) AND e.kind IN ('post','void') ORDER BY e.refers_to
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS done = ROW_COUNT;
  IF done <> wanted THEN
    SELECT e.refers_to AS id, r.outcome INTO bad FROM entry e
      JOIN pending_resolution r ON r.pending_entry_id = e.refers_to AND r.resolved_by <> e.id
     WHERE e.id = ANY(ids) ORDER BY e.id LIMIT 1;
    RAISE EXCEPTION 'pending_already_%: entry %', coalesce(bad.outcome, 'resolved'), bad.id
      USING ERRCODE = 'LG012';
  END IF;
END $$;
CREATE FUNCTION apply_bounds(ids uuid[]) RETURNS void LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
DECLARE bad record;
BEGIN
  PERFORM 1 FROM balance WHERE account_id IN (
    SELECT account_id FROM posting WHERE entry_id = ANY(ids)) ORDER BY account_id FOR UPDATE;
  UPDATE balance b SET version = version + 1,
         pending_debit = b.pending_debit + s.pending_debit,
         pending_credit = b.pending_credit + s.pending_credit,
         posted_debit = b.posted_debit + s.posted_debit,
         posted_credit = b.posted_credit + s.posted_credit
    FROM (SELECT p.account_id,
            coalesce(sum(CASE WHEN p.pending AND (p.amount > 0) = (e.kind = 'pending')
                         THEN p.amount END), 0) pending_debit,
            coalesce(sum(CASE WHEN p.pending AND (p.amount < 0) = (e.kind = 'pending')
                         THEN -p.amount END), 0) pending_credit,
            coalesce(sum(p.amount) FILTER (WHERE NOT p.pending AND p.amount > 0), 0) posted_debit,
            coalesce(-sum(p.amount) FILTER (WHERE NOT p.pending AND p.amount < 0), 0) posted_credit
            FROM posting p JOIN entry e ON e.id = p.entry_id
           WHERE p.entry_id = ANY(ids) GROUP BY 1) s
   WHERE b.account_id = s.account_id;
  SELECT a.code INTO bad FROM balance b JOIN account a ON a.id = b.account_id
   WHERE a.id IN (SELECT account_id FROM posting WHERE entry_id = ANY(ids))
     AND CASE a.normal_side WHEN 'debit' THEN b.posted_debit - b.posted_credit - b.pending_credit
              ELSE b.posted_credit - b.posted_debit - b.pending_debit END < -a.limit_pence
   ORDER BY a.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'account %: its bound would be passed', bad.code USING ERRCODE = 'LG014';
  END IF;
END $$;

CREATE FUNCTION check_postings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE bad record; special boolean;
BEGIN
  SELECT s.entry_id, e.id AS found, b.xid AS opened, e.kind, s.n, s.lo, s.hi, e.posting_count,
         s.posted_sum, s.pending_sum
    INTO bad
    FROM (SELECT entry_id, count(*) n, min(line_no) lo, max(line_no) hi,
                 coalesce(sum(amount) FILTER (WHERE NOT pending), 0) posted_sum,
                 coalesce(sum(amount) FILTER (WHERE pending), 0) pending_sum,
                 count(*) FILTER (WHERE pending) pending_lines
            FROM fresh GROUP BY 1) s
    LEFT JOIN entry e ON e.id = s.entry_id
    LEFT JOIN posting_batch b ON b.id = e.batch_id
   WHERE e.id IS NULL OR e.xid <> pg_current_xact_id() OR b.xid <> pg_current_xact_id()
      OR s.n <> e.posting_count OR s.lo <> 1 OR s.hi <> s.n OR s.posted_sum <> 0
      OR s.pending_sum <> 0
      OR CASE e.kind WHEN 'pending' THEN s.pending_lines <> s.n
                     WHEN 'void' THEN s.pending_lines <> s.n
                     WHEN 'post' THEN s.pending_lines IN (0, s.n)
                     ELSE s.pending_lines <> 0 END
   ORDER BY s.entry_id LIMIT 1;
  IF FOUND THEN
    IF bad.found IS NULL THEN
      RAISE EXCEPTION 'entry %: it does not exist', bad.entry_id USING ERRCODE = 'LG017';
    ELSIF bad.opened <> pg_current_xact_id() THEN
      RAISE EXCEPTION 'entry %: it was written by another transaction', bad.entry_id
        USING ERRCODE = 'LG001';
    ELSIF bad.n <> bad.posting_count OR bad.lo <> 1 OR bad.hi <> bad.n THEN
      RAISE EXCEPTION 'entry %: % postings declared, % came, numbered % to %', bad.entry_id,
        bad.posting_count, bad.n, bad.lo, bad.hi USING ERRCODE = 'LG003';
    ELSIF bad.posted_sum <> 0 OR bad.pending_sum <> 0 THEN
      RAISE EXCEPTION 'entry %: posted lines sum to %, pending lines to %', bad.entry_id,
        bad.posted_sum, bad.pending_sum USING ERRCODE = 'LG004';
    END IF;
    RAISE EXCEPTION 'entry %: pending lines do not fit an entry of kind %', bad.entry_id, bad.kind
      USING ERRCODE = 'LG016';
  END IF;
  SELECT f.entry_id, a.id, a.code, a.closed_at, a.body AS account_body, e.body, a.currency AS held,
         e.currency INTO bad
    FROM fresh f LEFT JOIN entry e ON e.id = f.entry_id LEFT JOIN account a ON a.id = f.account_id
   WHERE a.id IS NULL OR a.closed_at IS NOT NULL OR a.body <> e.body OR a.currency <> e.currency
   ORDER BY f.entry_id, f.line_no LIMIT 1;
  IF FOUND THEN
    IF bad.id IS NULL THEN
      RAISE EXCEPTION 'entry %: no such account', bad.entry_id USING ERRCODE = 'LG005';
    ELSIF bad.account_body <> bad.body THEN
      RAISE EXCEPTION 'entry %: an account of another body', bad.entry_id USING ERRCODE = 'LG007';
    ELSIF bad.held <> bad.currency THEN
      RAISE EXCEPTION 'entry %: account % is kept in %', bad.entry_id, bad.code, bad.held
        USING ERRCODE = 'LG008';
    END IF;
    RAISE EXCEPTION 'entry %: account % is closed', bad.entry_id, bad.code
      USING ERRCODE = 'LG006';
  END IF;
  SELECT bool_or(e.kind IN ('post','void','reversal')) INTO special
    FROM (SELECT entry_id FROM fresh WHERE line_no = 1) f LEFT JOIN entry e ON e.id = f.entry_id;
  IF special THEN
    PERFORM check_reversals(array_agg(DISTINCT entry_id)) FROM fresh;
    PERFORM resolve_pending(array_agg(DISTINCT entry_id)) FROM fresh;
  END IF;
  PERFORM apply_bounds(array_agg(DISTINCT f.entry_id)) FROM fresh f
    WHERE EXISTS (SELECT 1 FROM account a WHERE a.id = f.account_id AND a.bound <> 'none')
   HAVING count(*) > 0;
  UPDATE posting_batch b SET entries_with_postings = entries_with_postings + s.entries,
                             postings_seen = postings_seen + s.lines
    FROM (SELECT e.batch_id, count(DISTINCT e.id) entries, count(*) lines
            FROM fresh f LEFT JOIN entry e ON e.id = f.entry_id GROUP BY 1) s
   WHERE b.id = s.batch_id;
  RETURN NULL;
END $$;
CREATE TRIGGER posting_whole AFTER INSERT ON posting REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION check_postings();

CREATE FUNCTION check_batch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
DECLARE b posting_batch;
BEGIN
  SELECT * INTO b FROM posting_batch WHERE id = NEW.id;
  IF b.entries_seen = 0 OR b.entries_seen <> b.entries_with_postings
     OR b.postings_declared <> b.postings_seen THEN
    RAISE EXCEPTION 'batch %: % entries, % with postings, % of % postings', b.id, b.entries_seen,
      b.entries_with_postings, b.postings_seen, b.postings_declared USING ERRCODE = 'LG002';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER posting_batch_whole AFTER INSERT ON posting_batch
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_batch();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%: nothing is changed or deleted here', TG_TABLE_NAME USING ERRCODE = 'LG015';
END $$;
CREATE TRIGGER entry_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER pending_resolution_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON pending_resolution
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_batch_kept BEFORE DELETE OR TRUNCATE ON posting_batch
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_kept BEFORE DELETE OR TRUNCATE ON account
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION open_balance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
BEGIN
  INSERT INTO balance (account_id) SELECT id FROM fresh WHERE bound <> 'none' ORDER BY id;
  RETURN NULL;
END $$;
CREATE TRIGGER account_balance AFTER INSERT ON account REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION open_balance();

CREATE FUNCTION close_period(the_period uuid, closer text, signer text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
DECLARE p period;
BEGIN
  SELECT * INTO p FROM period WHERE id = the_period FOR UPDATE;
  IF p.id IS NULL OR p.state = 'closed' OR closer IS NULL OR signer IS NULL OR closer = signer THEN
    RAISE EXCEPTION 'period %: it is %, and closing takes two people', the_period,
      coalesce(p.state, 'missing') USING ERRCODE = 'LG018';
  END IF;
  UPDATE period SET state = 'closed', closed_by = closer, signed_by = signer, closed_at = now()
   WHERE id = the_period;
END $$;

REVOKE ALL ON FUNCTION check_reversals(uuid[]), resolve_pending(uuid[]), apply_bounds(uuid[]),
  close_period(uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION close_period(uuid, text, text) TO payments;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON account, period, posting_batch, entry, posting,
  pending_resolution, balance, balance_day FROM payments;
GRANT INSERT (id, body, code, type, normal_side, currency, bound, limit_pence),
  UPDATE (closed_at) ON account TO payments;
GRANT INSERT (id, body, starts_on, ends_before) ON period TO payments;
GRANT INSERT (id, body, purpose) ON posting_batch TO payments;
GRANT INSERT (id, batch_id, body, event_type, event_id, rule_version, kind, refers_to, period_id,
  effective_on, posting_count, currency, request_hash) ON entry TO payments;
GRANT INSERT ON posting TO payments;
GRANT INSERT, UPDATE, DELETE ON balance_day TO payments;
