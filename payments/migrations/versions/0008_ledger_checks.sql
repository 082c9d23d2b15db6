-- The two checks of the ledger again, with fewer passes over the rows of a statement: both fold the
-- statement into its few groups first, and look for the first offender only when a group is bad.
-- What they refuse, and with which code, is as it was.

CREATE OR REPLACE FUNCTION check_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE g record; p period; b posting_batch; bad record;
BEGIN
  FOR g IN
    SELECT f.period_id, f.batch_id, f.body, f.effective_on, count(*) AS entries,
           sum(f.posting_count) AS lines, count(f.refers_to) AS referring
      FROM fresh f GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  LOOP
    SELECT * INTO p FROM period WHERE id = g.period_id FOR SHARE;
    IF p.id IS NULL OR p.body <> g.body OR p.state <> 'open' OR g.effective_on >= p.ends_before
       OR (g.effective_on < p.starts_on AND EXISTS (
             SELECT 1 FROM period o WHERE o.body = g.body AND o.state = 'open'
                AND g.effective_on >= o.starts_on AND g.effective_on < o.ends_before)) THEN
      SELECT f.id INTO bad FROM fresh f WHERE f.period_id = g.period_id AND f.body = g.body
         AND f.effective_on = g.effective_on ORDER BY f.id LIMIT 1;
      RAISE EXCEPTION 'entry %: its period is %', bad.id, coalesce(p.state, 'missing')
        USING ERRCODE = 'LG009';
    END IF;
    IF g.referring > 0 THEN
      SELECT f.id, f.kind INTO bad FROM fresh f LEFT JOIN entry o ON o.id = f.refers_to
       WHERE f.refers_to IS NOT NULL AND (o.id IS NULL OR o.body <> f.body
          OR o.currency <> f.currency
          OR CASE f.kind WHEN 'reversal' THEN o.kind NOT IN ('posted','correction')
                         WHEN 'correction' THEN o.kind IN ('pending','void')
                         ELSE o.kind <> 'pending' END)
       ORDER BY f.id LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION 'entry %: a % cannot refer to that entry', bad.id, bad.kind
          USING ERRCODE = 'LG010';
      END IF;
    END IF;
    SELECT * INTO b FROM posting_batch WHERE id = g.batch_id;
    IF b.id IS NULL OR b.xid <> pg_current_xact_id() OR b.body <> g.body THEN
      SELECT f.id INTO bad FROM fresh f WHERE f.batch_id = g.batch_id AND f.body = g.body
       ORDER BY f.id LIMIT 1;
      IF b.id IS NULL OR b.xid <> pg_current_xact_id() THEN
        RAISE EXCEPTION 'entry %: its batch was not opened by this transaction', bad.id
          USING ERRCODE = 'LG001';
      END IF;
      RAISE EXCEPTION 'entry %: its batch is of another body', bad.id USING ERRCODE = 'LG007';
    END IF;
    UPDATE posting_batch SET entries_seen = entries_seen + g.entries,
           postings_declared = postings_declared + g.lines WHERE id = g.batch_id;
  END LOOP;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_postings() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE g record; a record; bad record; resolving bigint := 0; reversing bigint := 0;
  the_body text; the_currency text; mixed boolean := false;
BEGIN
  FOR g IN
    SELECT e.batch_id, e.body, e.currency, count(*) AS entries, sum(s.n)::bigint AS lines,
           count(*) FILTER (WHERE e.kind IN ('post','void')) AS resolving,
           count(*) FILTER (WHERE e.kind = 'reversal') AS reversing,
           coalesce(bool_and(e.xid = pg_current_xact_id() AND s.n = e.posting_count
             AND s.lo = 1 AND s.hi = s.n AND s.total = 0
             AND CASE s.pending_lines
                   WHEN 0 THEN e.kind NOT IN ('pending','void','post')
                   WHEN s.n THEN e.kind IN ('pending','void')
                   ELSE e.kind = 'post' AND s.pending_sum = 0 END), false) AS whole
      FROM (SELECT entry_id, count(*) n, min(line_no) lo, max(line_no) hi, sum(amount) total,
                   count(*) FILTER (WHERE pending) pending_lines,
                   sum(amount) FILTER (WHERE pending) pending_sum
              FROM fresh GROUP BY 1) s
      LEFT JOIN entry e ON e.id = s.entry_id
     GROUP BY 1, 2, 3
  LOOP
    IF NOT g.whole OR NOT EXISTS (
         SELECT 1 FROM posting_batch WHERE id = g.batch_id AND xid = pg_current_xact_id()) THEN
      SELECT s.entry_id, e.id AS found, e.xid AS written, b.xid AS opened, e.kind, s.n, s.lo, s.hi,
             e.posting_count, s.posted_sum, s.pending_sum
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
      IF bad.found IS NULL THEN
        RAISE EXCEPTION 'entry %: it does not exist', bad.entry_id USING ERRCODE = 'LG017';
      ELSIF bad.written <> pg_current_xact_id() OR bad.opened <> pg_current_xact_id() THEN
        RAISE EXCEPTION 'entry %: it was written by another transaction', bad.entry_id
          USING ERRCODE = 'LG001';
      ELSIF bad.n <> bad.posting_count OR bad.lo <> 1 OR bad.hi <> bad.n THEN
        RAISE EXCEPTION 'entry %: % postings declared, % came, numbered % to %', bad.entry_id,
          bad.posting_count, bad.n, bad.lo, bad.hi USING ERRCODE = 'LG003';
      ELSIF bad.posted_sum <> 0 OR bad.pending_sum <> 0 THEN
        RAISE EXCEPTION 'entry %: posted lines sum to %, pending lines to %', bad.entry_id,
          bad.posted_sum, bad.pending_sum USING ERRCODE = 'LG004';
      END IF;
      RAISE EXCEPTION 'entry %: pending lines do not fit an entry of kind %', bad.entry_id,
        bad.kind USING ERRCODE = 'LG016';
    END IF;
    mixed := mixed OR the_body <> g.body OR the_currency <> g.currency;
    the_body := g.body;
    the_currency := g.currency;
    resolving := resolving + g.resolving;
    reversing := reversing + g.reversing;
    UPDATE posting_batch SET entries_with_postings = entries_with_postings + g.entries,
           postings_seen = postings_seen + g.lines WHERE id = g.batch_id;
  END LOOP;
  SELECT coalesce(bool_or(c.id IS NULL OR c.closed_at IS NOT NULL OR c.body <> the_body
                          OR c.currency <> the_currency), false) AS suspect,
         coalesce(bool_or(c.bound <> 'none'), false) AS bounded
    INTO a FROM (SELECT DISTINCT account_id FROM fresh) f LEFT JOIN account c ON c.id = f.account_id;
  IF mixed OR a.suspect THEN
    SELECT f.entry_id, c.id, c.code, c.closed_at, c.body AS account_body, e.body,
           c.currency AS held, e.currency INTO bad
      FROM fresh f LEFT JOIN entry e ON e.id = f.entry_id
      LEFT JOIN account c ON c.id = f.account_id
     WHERE c.id IS NULL OR c.closed_at IS NOT NULL OR c.body <> e.body OR c.currency <> e.currency
     ORDER BY f.entry_id, f.line_no LIMIT 1;
    IF FOUND THEN
      IF bad.id IS NULL THEN
        RAISE EXCEPTION 'entry %: no such account', bad.entry_id USING ERRCODE = 'LG005';
      ELSIF bad.account_body <> bad.body THEN
        RAISE EXCEPTION 'entry %: an account of another body', bad.entry_id
          USING ERRCODE = 'LG007';
      ELSIF bad.held <> bad.currency THEN
        RAISE EXCEPTION 'entry %: account % is kept in %', bad.entry_id, bad.code, bad.held
          USING ERRCODE = 'LG008';
      END IF;
      RAISE EXCEPTION 'entry %: account % is closed', bad.entry_id, bad.code
        USING ERRCODE = 'LG006';
    END IF;
  END IF;
  IF reversing > 0 THEN
    PERFORM check_reversals(array_agg(DISTINCT entry_id)) FROM fresh;
  END IF;
  IF resolving > 0 THEN
    PERFORM resolve_pending(array_agg(DISTINCT entry_id)) FROM fresh;
  END IF;
  IF a.bounded THEN
    PERFORM apply_bounds(array_agg(DISTINCT entry_id)) FROM fresh;
  END IF;
  RETURN NULL;
END $$;
