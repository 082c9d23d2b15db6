-- The tamper-evident log of entries and of control events, written after the commit by the sealer.
CREATE INDEX ix_entry_xid ON entry (xid);

CREATE TABLE seal_watermark (
  kind text,
  cluster text NOT NULL,
  sealed_below xid8 NOT NULL,
  CONSTRAINT pk_seal_watermark PRIMARY KEY (kind)
);
CREATE TABLE seal_block (
  id bigint GENERATED ALWAYS AS IDENTITY,
  body text NOT NULL,
  kind text NOT NULL,
  height bigint NOT NULL,
  year smallint NOT NULL,
  first_number bigint NOT NULL,
  size integer NOT NULL,
  root bytea NOT NULL,
  previous bytea NOT NULL,
  hash bytea NOT NULL,
  sealed_at timestamptz NOT NULL,
  CONSTRAINT pk_seal_block PRIMARY KEY (id),
  CONSTRAINT uq_seal_block_body_kind_height UNIQUE (body, kind, height),
  CONSTRAINT ck_seal_block_kind CHECK (kind IN ('entries', 'control')),
  CONSTRAINT ck_seal_block_size CHECK (size > 0 AND first_number > 0 AND height >= 0),
  CONSTRAINT ex_seal_block_numbers EXCLUDE USING gist (body WITH =, kind WITH =, year WITH =,
    int8range(first_number, first_number + size) WITH &&)
);
-- The number of an entry in its financial year is its block's first number and its place in it, so
-- that there is neither a gap nor a number twice.
CREATE TABLE entry_seal (
  block_id bigint,
  leaf_index integer,
  entry_id uuid NOT NULL,
  leaf bytea NOT NULL,
  CONSTRAINT pk_entry_seal PRIMARY KEY (block_id, leaf_index),
  CONSTRAINT uq_entry_seal_entry_id UNIQUE (entry_id)
);
-- What is personal in a control event is sealed as a commitment, a hash with a salt; where the salt
-- is forgotten the commitment no longer tells of whom it is.
CREATE TABLE control_seal (
  block_id bigint,
  leaf_index integer,
  event_id uuid NOT NULL,
  salt bytea,
  commitment bytea NOT NULL,
  leaf bytea NOT NULL,
  CONSTRAINT pk_control_seal PRIMARY KEY (block_id, leaf_index),
  CONSTRAINT uq_control_seal_event_id UNIQUE (event_id)
);
CREATE TABLE control_queue (
  event_id uuid,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT pk_control_queue PRIMARY KEY (event_id)
);
CREATE TABLE seal_checkpoint (
  id uuid,
  body text NOT NULL,
  kind text NOT NULL,
  size bigint NOT NULL,
  root bytea NOT NULL,
  note text NOT NULL,
  made_at timestamptz NOT NULL,
  delivered_at timestamptz,
  CONSTRAINT pk_seal_checkpoint PRIMARY KEY (id),
  CONSTRAINT uq_seal_checkpoint_body_kind_size UNIQUE (body, kind, size)
);

CREATE FUNCTION queue_control() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = payments, pg_temp AS $$
BEGIN
  INSERT INTO control_queue (event_id) SELECT id FROM fresh;
  RETURN NULL;
END $$;
CREATE TRIGGER audit_event_queue AFTER INSERT ON audit_event REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION queue_control();
INSERT INTO control_queue (event_id) SELECT id FROM audit_event;

CREATE TRIGGER seal_block_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON seal_block
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_seal_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON entry_seal
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER control_seal_kept BEFORE DELETE OR TRUNCATE ON control_seal
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seal_checkpoint_kept BEFORE DELETE OR TRUNCATE ON seal_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON seal_block, entry_seal, control_seal, seal_checkpoint
  FROM payments;
REVOKE INSERT, UPDATE, TRUNCATE ON control_queue FROM payments;
REVOKE DELETE, TRUNCATE ON seal_watermark FROM payments;
GRANT UPDATE (salt) ON control_seal TO payments;
GRANT UPDATE (delivered_at) ON seal_checkpoint TO payments;
