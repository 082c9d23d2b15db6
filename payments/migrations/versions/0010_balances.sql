-- Balances by day are folded from sealed blocks; what is newer is added by those who read.
CREATE TABLE balance_fold (
  name text,
  folded_block bigint NOT NULL,
  CONSTRAINT pk_balance_fold PRIMARY KEY (name)
);
REVOKE DELETE, TRUNCATE ON balance_fold FROM payments;
-- Reservations are few; the job that frees those of long ago finds them by this.
CREATE INDEX ix_entry_pending ON entry (body, recorded_at) WHERE kind = 'pending';

-- Balances at a day: what is folded, and what is newer. As in the checks of the ledger the plan may
-- use index probes only, because what is newer is little whatever the planner thinks.
CREATE FUNCTION ledger_balances(the_body text, as_of date) RETURNS TABLE (account_id uuid,
  posted_debit bigint, posted_credit bigint, pending_debit bigint, pending_credit bigint)
LANGUAGE sql STABLE SET search_path = payments, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  WITH newer AS MATERIALIZED (
    SELECT e.id, e.kind FROM entry e
     WHERE e.body = the_body AND e.effective_on <= as_of
       AND e.xid >= coalesce((SELECT sealed_below FROM seal_watermark WHERE kind = 'entries'), '0')
       AND NOT EXISTS (SELECT 1 FROM entry_seal s WHERE s.entry_id = e.id)
    UNION ALL
    SELECT e.id, e.kind FROM seal_block b JOIN entry_seal s ON s.block_id = b.id
      JOIN entry e ON e.id = s.entry_id
     WHERE b.body = the_body AND b.kind = 'entries' AND e.effective_on <= as_of
       AND b.id > coalesce((SELECT folded_block FROM balance_fold WHERE name = 'day'), 0)),
  moves AS (
    SELECT d.account_id, d.posted_debit, d.posted_credit, d.pending_debit, d.pending_credit
      FROM account a JOIN balance_day d ON d.account_id = a.id
     WHERE a.body = the_body AND d.day <= as_of
    UNION ALL
    SELECT p.account_id,
           sum(p.amount) FILTER (WHERE NOT p.pending AND p.amount > 0),
           -sum(p.amount) FILTER (WHERE NOT p.pending AND p.amount < 0),
           sum(p.amount) FILTER (WHERE p.pending AND (p.amount > 0) = (e.kind = 'pending')),
           -sum(p.amount) FILTER (WHERE p.pending AND (p.amount < 0) = (e.kind = 'pending'))
      FROM newer e JOIN posting p ON p.entry_id = e.id GROUP BY p.account_id)
  SELECT a.id, coalesce(sum(m.posted_debit), 0)::bigint, coalesce(sum(m.posted_credit), 0)::bigint,
         coalesce(sum(m.pending_debit), 0)::bigint, coalesce(sum(m.pending_credit), 0)::bigint
    FROM account a LEFT JOIN moves m ON m.account_id = a.id WHERE a.body = the_body GROUP BY a.id
$$;

-- The room that bound accounts have, locked in the order of their ids: the application may not
-- change balances, so it could not lock them itself.
CREATE FUNCTION lock_bounds(accounts uuid[]) RETURNS TABLE (account_id uuid, room bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
  SELECT l.account_id,
         CASE a.normal_side WHEN 'debit' THEN l.posted_debit - l.posted_credit - l.pending_credit
              ELSE l.posted_credit - l.posted_debit - l.pending_debit END + a.limit_pence
    FROM (SELECT * FROM balance b WHERE b.account_id = ANY(accounts)
           ORDER BY b.account_id FOR UPDATE) l
    JOIN account a ON a.id = l.account_id
$$;
REVOKE ALL ON FUNCTION lock_bounds(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_bounds(uuid[]) TO payments;

-- While a month is being closed nothing is posted to it; it can be opened again until it is closed.
CREATE FUNCTION hold_period(the_period uuid, held boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
DECLARE p period;
BEGIN
  SELECT * INTO p FROM period WHERE id = the_period FOR UPDATE;
  IF p.id IS NULL OR p.state <> (CASE WHEN held THEN 'open' ELSE 'closing' END) THEN
    RAISE EXCEPTION 'period %: it is %', the_period, coalesce(p.state, 'missing')
      USING ERRCODE = 'LG018';
  END IF;
  UPDATE period SET state = CASE WHEN held THEN 'closing' ELSE 'open' END WHERE id = the_period;
END $$;
REVOKE ALL ON FUNCTION hold_period(uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_period(uuid, boolean) TO payments;
