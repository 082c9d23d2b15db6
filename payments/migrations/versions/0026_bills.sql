-- Bills that a body issues, what providers say was paid on them, and requests to pay.
INSERT INTO account (id, body, code, type, normal_side, currency)
SELECT gen_random_uuid(), body, 'payout_in_transit', 'asset', 'debit', currency
  FROM account WHERE code = 'programme_income' ON CONFLICT (body, code) DO NOTHING;

CREATE TABLE bill_import (
  id uuid,
  organisation text NOT NULL,
  filename text NOT NULL,
  sha256 bytea NOT NULL,
  bill_count integer NOT NULL,
  total_pence bigint NOT NULL,
  made_by text NOT NULL,
  made_by_name text NOT NULL,
  made_at timestamptz NOT NULL,
  CONSTRAINT pk_bill_import PRIMARY KEY (id),
  CONSTRAINT uq_bill_import_organisation_sha256 UNIQUE (organisation, sha256),
  CONSTRAINT ck_bill_import_totals CHECK (bill_count > 0 AND total_pence > 0)
);
CREATE TABLE bill (
  id uuid,
  organisation text NOT NULL,
  programme_id uuid NOT NULL,
  import_id uuid,
  reference text NOT NULL,
  payer_name text NOT NULL,
  amount_pence bigint NOT NULL,
  currency text NOT NULL DEFAULT 'GBP',
  description text NOT NULL,
  due_on date NOT NULL,
  expires_on date NOT NULL,
  state text NOT NULL,
  state_at timestamptz NOT NULL,
  is_rehearsal boolean NOT NULL DEFAULT false,
  client_id text,
  created_at timestamptz NOT NULL,
  correlation_id text NOT NULL,
  CONSTRAINT pk_bill PRIMARY KEY (id),
  CONSTRAINT uq_bill_organisation_reference UNIQUE (organisation, reference),
  CONSTRAINT fk_bill_programme_id FOREIGN KEY (programme_id) REFERENCES programme (id),
  CONSTRAINT fk_bill_import_id FOREIGN KEY (import_id) REFERENCES bill_import (id),
  CONSTRAINT ck_bill_reference CHECK (reference ~ '^[A-Z0-9][A-Z0-9-]{0,19}$'),
  CONSTRAINT ck_bill_amount CHECK (amount_pence > 0 AND currency = 'GBP'),
  CONSTRAINT ck_bill_days CHECK (expires_on >= due_on),
  CONSTRAINT ck_bill_state CHECK (state IN ('open', 'paid', 'expired', 'cancelled'))
);
CREATE INDEX ix_bill_organisation ON bill (organisation, id);
CREATE INDEX ix_bill_state ON bill (organisation, state, id);
CREATE INDEX ix_bill_due ON bill (expires_on) WHERE state = 'open';
-- What happened to a bill; nothing of it is ever changed.
CREATE TABLE bill_event (
  id uuid,
  bill_id uuid NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  state text,
  actor_kind text NOT NULL,
  actor_id text NOT NULL,
  actor_name text NOT NULL,
  details jsonb NOT NULL,
  correlation_id text NOT NULL,
  CONSTRAINT pk_bill_event PRIMARY KEY (id),
  CONSTRAINT fk_bill_event_bill_id FOREIGN KEY (bill_id) REFERENCES bill (id)
);
CREATE INDEX ix_bill_event_bill_id ON bill_event (bill_id, id);
-- Every message that a bill was paid, taken or refused; one id of a provider has one answer for ever.
CREATE TABLE bill_transfer (
  id uuid,
  organisation text NOT NULL,
  institution text NOT NULL,
  request_id text NOT NULL,
  bill_reference text NOT NULL,
  payment_reference text NOT NULL,
  amount_pence bigint,
  inquiry_id text NOT NULL,
  bill_id uuid,
  is_accepted boolean NOT NULL,
  reject_reason text NOT NULL DEFAULT '',
  words text NOT NULL,
  received_at timestamptz NOT NULL,
  correlation_id text NOT NULL,
  CONSTRAINT pk_bill_transfer PRIMARY KEY (id),
  CONSTRAINT uq_bill_transfer_request UNIQUE (organisation, institution, request_id),
  CONSTRAINT fk_bill_transfer_bill_id FOREIGN KEY (bill_id) REFERENCES bill (id),
  CONSTRAINT ck_bill_transfer_answer CHECK (CASE WHEN is_accepted
    THEN bill_id IS NOT NULL AND amount_pence > 0 AND reject_reason = ''
    ELSE reject_reason IN ('Def', 'Dup', 'Und') END)
);
-- A bill is paid once, whatever any program does.
CREATE UNIQUE INDEX uq_bill_transfer_accepted ON bill_transfer (bill_id) WHERE is_accepted;
CREATE INDEX ix_bill_transfer_bill_id ON bill_transfer (bill_id, id) WHERE bill_id IS NOT NULL;
CREATE INDEX ix_bill_transfer_request_id ON bill_transfer (organisation, request_id);
CREATE TABLE bill_request (
  id uuid,
  organisation text NOT NULL,
  rtp_id text NOT NULL,
  bill_id uuid NOT NULL,
  source text NOT NULL,
  request_id text NOT NULL,
  request_type text NOT NULL,
  institution text NOT NULL,
  address_sealed bytea,
  amount_pence bigint NOT NULL,
  state text NOT NULL,
  reject_reason text NOT NULL DEFAULT '',
  payment_reference text NOT NULL DEFAULT '',
  callback_url text NOT NULL DEFAULT '',
  callback_correlation text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  state_at timestamptz NOT NULL,
  correlation_id text NOT NULL,
  CONSTRAINT pk_bill_request PRIMARY KEY (id),
  CONSTRAINT uq_bill_request_rtp_id UNIQUE (organisation, rtp_id),
  CONSTRAINT fk_bill_request_bill_id FOREIGN KEY (bill_id) REFERENCES bill (id),
  CONSTRAINT ck_bill_request_type CHECK (request_type IN ('00', '01')),
  CONSTRAINT ck_bill_request_state CHECK (state IN ('COM', 'PND', 'EXP', 'CAN', 'RJC')),
  CONSTRAINT ck_bill_request_reason CHECK (reject_reason IN ('', 'R', 'E', 'W')
    AND (state = 'RJC') = (reject_reason <> ''))
);
CREATE UNIQUE INDEX uq_bill_request_pending ON bill_request (bill_id) WHERE state = 'PND';
CREATE INDEX ix_bill_request_bill_id ON bill_request (bill_id, id);
-- A sandbox is set back: what was said of its rehearsals goes, and of nothing else.
CREATE FUNCTION forget_rehearsal_bills(body text, wanted text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
DECLARE ids uuid[];
BEGIN
  SELECT array_agg(id) INTO ids FROM bill
   WHERE organisation = body AND reference = ANY (wanted) AND is_rehearsal;
  DELETE FROM bill_event WHERE bill_id = ANY (ids);
  DELETE FROM bill_transfer WHERE bill_id = ANY (ids);
  DELETE FROM bill_request WHERE bill_id = ANY (ids);
  DELETE FROM bill WHERE id = ANY (ids);
END $$;
REVOKE UPDATE, DELETE, TRUNCATE ON bill_event, bill_transfer, bill_import FROM payments;
REVOKE DELETE, TRUNCATE ON bill, bill_request FROM payments;
REVOKE UPDATE ON bill, bill_request FROM payments;
GRANT UPDATE (state, state_at) ON bill TO payments;
GRANT UPDATE (state, state_at, reject_reason, payment_reference) ON bill_request TO payments;
