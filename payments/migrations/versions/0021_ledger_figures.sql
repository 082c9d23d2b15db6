-- What a block of entries holds, in one row: the ids of its entries in their order, and their leaves
-- (32 bytes each). The number of an entry is its block's first number and its place in the array.
-- A block takes whole transactions, from one number to before another. Within a cluster no two
-- blocks of a log may take the same, so no entry is sealed twice; what is sealed after a restore
-- into another cluster names no cluster, because the numbers of transactions began anew there.
CREATE TABLE entry_block (
  block_id bigint,
  body text NOT NULL,
  year smallint NOT NULL,
  cluster text,
  from_xid bigint NOT NULL,
  below_xid bigint NOT NULL,
  entry_ids uuid[] NOT NULL,
  leaves bytea NOT NULL,
  CONSTRAINT pk_entry_block PRIMARY KEY (block_id),
  CONSTRAINT ck_entry_block_size CHECK (cardinality(entry_ids) > 0
                                        AND octet_length(leaves) = 32 * cardinality(entry_ids)),
  CONSTRAINT ex_entry_block_xids EXCLUDE USING gist (body WITH =, year WITH =, cluster WITH =,
    int8range(from_xid, below_xid) WITH &&)
);
-- Neither ids nor hashes can be compressed.
ALTER TABLE entry_block ALTER COLUMN entry_ids SET STORAGE EXTERNAL,
                        ALTER COLUMN leaves SET STORAGE EXTERNAL;
CREATE INDEX ix_entry_block_below_xid ON entry_block (below_xid);
INSERT INTO entry_block (block_id, body, year, from_xid, below_xid, entry_ids, leaves)
SELECT b.id, b.body, b.year, coalesce(min(e.xid::text::bigint), 0),
       coalesce(max(e.xid::text::bigint), 0) + 1,
       array_agg(s.entry_id ORDER BY s.leaf_index),
       string_agg(s.leaf, ''::bytea ORDER BY s.leaf_index)
  FROM seal_block b JOIN entry_seal s ON s.block_id = b.id LEFT JOIN entry e ON e.id = s.entry_id
 WHERE b.kind = 'entries' GROUP BY b.id;
DROP TABLE entry_seal;
CREATE VIEW entry_seal AS
  SELECT k.block_id, (u.n - 1)::integer AS leaf_index, u.id AS entry_id,
         substr(k.leaves, 32 * (u.n::integer - 1) + 1, 32) AS leaf
    FROM entry_block k CROSS JOIN LATERAL unnest(k.entry_ids) WITH ORDINALITY AS u(id, n);
CREATE TRIGGER entry_block_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON entry_block
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON entry_block FROM payments;
REVOKE ALL ON entry_seal FROM payments;
GRANT SELECT ON entry_seal TO payments;

-- The entries of a body, or of all (NULL), that have no number yet: those of transactions from the watermark on. Only
-- after a restore into another cluster are there blocks whose transactions lie there as well. Hash
-- joins only: whatever the planner thinks, the entries found meet the ids of blocks once.
CREATE FUNCTION unsealed_entries(the_body text) RETURNS TABLE (entry_id uuid)
LANGUAGE sql STABLE SET search_path = payments, pg_temp
SET enable_seqscan = off SET enable_nestloop = off SET enable_mergejoin = off AS $$
  SELECT e.id FROM entry e
   WHERE (the_body IS NULL OR e.body = the_body)
     AND e.xid >= coalesce((SELECT sealed_below FROM seal_watermark WHERE kind = 'entries'), '0')
     AND NOT EXISTS (SELECT 1 FROM (
       SELECT unnest(k.entry_ids) AS id FROM entry_block k WHERE k.below_xid
         > coalesce((SELECT sealed_below::text::bigint FROM seal_watermark
                      WHERE kind = 'entries'), 0)) s WHERE s.id = e.id)
$$;

-- LIMIT 1 makes each entry an index probe: what was planned while the tables were small would read
-- all ids again for each entry.
CREATE OR REPLACE FUNCTION ledger_balances(the_body text, as_of date) RETURNS TABLE (
  account_id uuid, posted_debit bigint, posted_credit bigint, pending_debit bigint,
  pending_credit bigint)
LANGUAGE sql STABLE SET search_path = payments, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  WITH newer AS MATERIALIZED (
    SELECT e.id, e.kind FROM unsealed_entries(the_body) u CROSS JOIN LATERAL (
        SELECT k.id, k.kind, k.effective_on FROM entry k WHERE k.id = u.entry_id LIMIT 1) e
     WHERE e.effective_on <= as_of
    UNION ALL
    SELECT e.id, e.kind FROM seal_block b CROSS JOIN LATERAL (
        SELECT k.entry_ids FROM entry_block k WHERE k.block_id = b.id LIMIT 1) k
      CROSS JOIN LATERAL unnest(k.entry_ids) AS s(entry_id) CROSS JOIN LATERAL (
        SELECT k.id, k.kind, k.effective_on FROM entry k WHERE k.id = s.entry_id LIMIT 1) e
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

-- A statement in these functions is planned once for a connection. To plan for each batch anew took
-- half of the time of a batch of one entry. Such a plan must be good for any number of rows and for
-- tables that were small when it was made, so it may use index probes only.
ALTER FUNCTION post_singles SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION check_entries SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION check_postings SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION apply_bounds SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION apply_bounds SET enable_seqscan = off;
ALTER FUNCTION apply_bounds SET enable_hashjoin = off;
ALTER FUNCTION apply_bounds SET enable_mergejoin = off;
ALTER FUNCTION lock_bounds SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION lock_bounds SET enable_seqscan = off;
