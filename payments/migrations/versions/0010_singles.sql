-- A batch of single entries of two posted lines in one round trip: what is booked already, what has
-- no account, no open month or no room is told and left out; the rest is posted as one batch.
-- LIMIT 1 makes the planner probe the index for each event, whatever it thinks of the tables size.
-- It runs with the rights of its caller, and the ledger's own checks see every row.
CREATE FUNCTION post_singles(the_body text, the_batch uuid, the_purpose text, ids uuid[],
  types text[], events text[], days date[], debits text[], credits text[], pence bigint[],
  hashes bytea[]) RETURNS TABLE (n bigint, entry_id uuid, outcome text)
LANGUAGE plpgsql SET search_path = payments, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  r record; good bigint[] := '{}'; periods uuid[] := '{}'; debit_ids uuid[] := '{}';
  credit_ids uuid[] := '{}'; bounded uuid[] := '{}'; rooms bigint[] := '{}'; rest record;
  at_debit int; at_credit int;
BEGIN
  SELECT array_agg(b.account_id), array_agg(b.room) INTO bounded, rooms FROM lock_bounds(ARRAY(
    SELECT a.id FROM account a WHERE a.body = the_body AND a.bound <> 'none'
       AND a.code IN (SELECT unnest(debits) UNION SELECT unnest(credits)))) b;
  FOR r IN
    SELECT u.n, k.id AS known, k.request_hash = u.hash AS same, k.kind <> 'posted' AS other_kind,
           k.refers_to IS NOT NULL AS other_refers, k.effective_on <> u.day AS other_day,
           k.currency <> 'GBP' AS other_currency, d.id AS debit, d.normal_side AS debit_side,
           c.id AS credit, c.normal_side AS credit_side, p.id AS period, u.amount, u.debit_code
      FROM unnest(types, events, days, debits, credits, pence, hashes) WITH ORDINALITY
           AS u(event_type, event_id, day, debit_code, credit_code, amount, hash, n)
      LEFT JOIN LATERAL (SELECT * FROM entry e WHERE e.body = the_body
        AND e.event_type = u.event_type AND e.event_id = u.event_id AND e.rule_version = 1
        LIMIT 1) k ON true
      LEFT JOIN account d ON d.body = the_body AND d.code = u.debit_code
      LEFT JOIN account c ON c.body = the_body AND c.code = u.credit_code
      LEFT JOIN period p ON p.body = the_body AND p.state = 'open' AND p.starts_on <= u.day
       AND p.ends_before > u.day
     ORDER BY u.n
  LOOP
    n := r.n;
    entry_id := NULL;
    IF r.known IS NOT NULL THEN
      entry_id := r.known;
      outcome := CASE WHEN r.same THEN 'replay' WHEN r.other_kind THEN 'kind'
        WHEN r.other_refers THEN 'refers_to' WHEN r.other_day THEN 'effective_on'
        WHEN r.other_currency THEN 'currency' ELSE 'postings' END;
      RETURN NEXT;
      CONTINUE;
    ELSIF r.debit IS NULL OR r.credit IS NULL OR r.period IS NULL THEN
      outcome := 'alone';
      RETURN NEXT;
      CONTINUE;
    END IF;
    at_debit := array_position(bounded, r.debit);
    at_credit := array_position(bounded, r.credit);
    IF (at_debit IS NOT NULL AND r.debit_side = 'credit' AND rooms[at_debit] < r.amount)
       OR (at_credit IS NOT NULL AND r.credit_side = 'debit' AND rooms[at_credit] < r.amount) THEN
      outcome := 'bound';
      RETURN NEXT;
      CONTINUE;
    END IF;
    IF at_debit IS NOT NULL THEN
      rooms[at_debit] := rooms[at_debit]
        + CASE r.debit_side WHEN 'debit' THEN r.amount ELSE -r.amount END;
    END IF;
    IF at_credit IS NOT NULL THEN
      rooms[at_credit] := rooms[at_credit]
        + CASE r.credit_side WHEN 'credit' THEN r.amount ELSE -r.amount END;
    END IF;
    good := good || r.n;
    periods := periods || r.period;
    debit_ids := debit_ids || r.debit;
    credit_ids := credit_ids || r.credit;
    entry_id := ids[r.n];
    outcome := 'posted';
    RETURN NEXT;
  END LOOP;
  IF good = '{}' THEN
    RETURN;
  END IF;
  INSERT INTO posting_batch (id, body, purpose) VALUES (the_batch, the_body, the_purpose);
  INSERT INTO entry (id, batch_id, body, event_type, event_id, rule_version, kind, period_id,
                     effective_on, posting_count, currency, request_hash)
  SELECT ids[g.i], the_batch, the_body, types[g.i], events[g.i], 1, 'posted', g.period, days[g.i],
         2, 'GBP', hashes[g.i] FROM unnest(good, periods) AS g(i, period);
  INSERT INTO posting (entry_id, line_no, account_id, amount)
  SELECT ids[g.i], l.line, l.account, l.amount
    FROM unnest(good, debit_ids, credit_ids) AS g(i, debit, credit) CROSS JOIN LATERAL (
      VALUES (1::smallint, g.debit, pence[g.i]), (2::smallint, g.credit, -pence[g.i])
    ) AS l(line, account, amount);
END $$;
