-- The id of the entry that a bulk posting makes for its n-th row: a UUIDv7 (RFC 9562, 5.7) whose
-- twelve bits after the version count on from a millisecond, and whose random part is that of the
-- row's own UUIDv7. A statement can so make the same ids again for the postings of its entries.
CREATE FUNCTION ledger_id(millisecond bigint, n bigint, source uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT encode(int8send(((millisecond + (n >> 12)) << 16) | 28672 | (n & 4095))
                || substr(uuid_send(source), 9), 'hex')::uuid
$$;
