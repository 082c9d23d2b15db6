-- Vouchers and payment orders for people without a bank account, and the GovStack doors.
INSERT INTO account (id, body, code, type, normal_side, currency)
SELECT gen_random_uuid(), body, 'vouchers_issued', 'liability', 'credit', currency
  FROM account WHERE code = 'programme_expenditure' ON CONFLICT (body, code) DO NOTHING;

CREATE TABLE voucher_group (
  id uuid,
  organisation text NOT NULL,
  name text NOT NULL,
  programme_id uuid NOT NULL,
  funds_pence bigint NOT NULL DEFAULT 0,
  committed_pence bigint NOT NULL DEFAULT 0,
  days_valid integer NOT NULL DEFAULT 90,
  is_rehearsal boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_voucher_group PRIMARY KEY (id),
  CONSTRAINT uq_voucher_group_organisation_name UNIQUE (organisation, name),
  CONSTRAINT fk_voucher_group_programme_id FOREIGN KEY (programme_id) REFERENCES programme (id),
  CONSTRAINT ck_voucher_group_funds CHECK (funds_pence >= 0 AND committed_pence >= 0
    AND committed_pence <= funds_pence),
  CONSTRAINT ck_voucher_group_days_valid CHECK (days_valid BETWEEN 1 AND 3650)
);
CREATE TABLE voucher_funding (
  id uuid,
  organisation text NOT NULL,
  group_id uuid NOT NULL,
  amount_pence bigint NOT NULL,
  state text NOT NULL,
  proposed_by text NOT NULL,
  proposed_by_name text NOT NULL,
  proposed_at timestamptz NOT NULL,
  decided_by text,
  decided_by_name text,
  decided_at timestamptz,
  CONSTRAINT pk_voucher_funding PRIMARY KEY (id),
  CONSTRAINT fk_voucher_funding_group_id FOREIGN KEY (group_id) REFERENCES voucher_group (id),
  CONSTRAINT ck_voucher_funding_amount CHECK (amount_pence > 0),
  CONSTRAINT ck_voucher_funding_state CHECK (state IN ('awaiting_approval', 'approved', 'rejected')),
  CONSTRAINT ck_voucher_funding_two_people CHECK (state <> 'approved'
    OR (decided_by IS NOT NULL AND decided_by <> proposed_by))
);
CREATE INDEX ix_voucher_funding_group_id ON voucher_funding (group_id, id);
CREATE TABLE merchant (
  id uuid,
  organisation text NOT NULL,
  group_id uuid NOT NULL,
  name text NOT NULL,
  bank_label text NOT NULL,
  details_sealed bytea,
  account_fingerprint bytea,
  account_tail text NOT NULL DEFAULT '',
  account_type text NOT NULL DEFAULT 'business',
  can_be_credited boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_merchant PRIMARY KEY (id),
  CONSTRAINT uq_merchant_organisation_name_group_id UNIQUE (organisation, name, group_id),
  CONSTRAINT fk_merchant_group_id FOREIGN KEY (group_id) REFERENCES voucher_group (id),
  CONSTRAINT ck_merchant_account_type CHECK (account_type IN ('personal', 'business')),
  CONSTRAINT ck_merchant_details CHECK ((details_sealed IS NULL) = (account_fingerprint IS NULL))
);
CREATE TABLE voucher_batch (
  id uuid,
  organisation text NOT NULL,
  group_id uuid NOT NULL,
  reference text NOT NULL,
  kind text NOT NULL,
  state text NOT NULL,
  purpose text NOT NULL,
  voucher_count integer NOT NULL,
  total_pence bigint NOT NULL,
  content_sha256 bytea NOT NULL,
  made_by text NOT NULL,
  made_by_name text NOT NULL,
  made_at timestamptz NOT NULL,
  decided_by text,
  decided_by_name text,
  decided_at timestamptz,
  reason text NOT NULL DEFAULT '',
  CONSTRAINT pk_voucher_batch PRIMARY KEY (id),
  CONSTRAINT uq_voucher_batch_reference UNIQUE (reference),
  CONSTRAINT fk_voucher_batch_group_id FOREIGN KEY (group_id) REFERENCES voucher_group (id),
  CONSTRAINT ck_voucher_batch_kind CHECK (kind IN ('voucher', 'payment_order')),
  CONSTRAINT ck_voucher_batch_state CHECK (state IN ('awaiting_approval', 'approved', 'rejected')),
  CONSTRAINT ck_voucher_batch_totals CHECK (voucher_count > 0 AND total_pence > 0),
  CONSTRAINT ck_voucher_batch_two_people CHECK (state <> 'approved'
    OR (decided_by IS NOT NULL AND decided_by <> made_by))
);
CREATE INDEX ix_voucher_batch_organisation ON voucher_batch (organisation, id);
CREATE TABLE voucher_batch_signature (
  batch_id uuid,
  person_id text,
  person_name text NOT NULL,
  signed_at timestamptz NOT NULL,
  CONSTRAINT pk_voucher_batch_signature PRIMARY KEY (batch_id, person_id),
  CONSTRAINT fk_voucher_batch_signature_batch_id FOREIGN KEY (batch_id)
    REFERENCES voucher_batch (id)
);
CREATE TABLE voucher_settlement (
  id uuid,
  organisation text NOT NULL,
  merchant_id uuid NOT NULL,
  programme_id uuid NOT NULL,
  reference text NOT NULL,
  voucher_count integer NOT NULL,
  total_pence bigint NOT NULL,
  payment_id text,
  state text NOT NULL,
  made_at timestamptz NOT NULL,
  CONSTRAINT pk_voucher_settlement PRIMARY KEY (id),
  CONSTRAINT uq_voucher_settlement_reference UNIQUE (reference),
  CONSTRAINT fk_voucher_settlement_merchant_id FOREIGN KEY (merchant_id) REFERENCES merchant (id),
  CONSTRAINT fk_voucher_settlement_programme_id FOREIGN KEY (programme_id)
    REFERENCES programme (id),
  CONSTRAINT ck_voucher_settlement_state CHECK (state IN ('ordered', 'refused', 'undone'))
);
CREATE INDEX ix_voucher_settlement_ordered ON voucher_settlement (organisation, id)
  WHERE state = 'ordered';
CREATE TABLE voucher (
  id uuid,
  organisation text NOT NULL,
  group_id uuid NOT NULL,
  batch_id uuid,
  kind text NOT NULL DEFAULT 'voucher',
  serial text NOT NULL,
  number_hash bytea NOT NULL,
  number_sealed bytea NOT NULL,
  state text NOT NULL,
  amount_pence bigint NOT NULL,
  currency text NOT NULL DEFAULT 'GBP',
  is_rehearsal boolean NOT NULL DEFAULT false,
  building_block text NOT NULL DEFAULT '',
  remark text NOT NULL DEFAULT '',
  recipient_sealed bytea,
  created_at timestamptz NOT NULL,
  state_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  is_issued boolean NOT NULL DEFAULT false,
  merchant_id uuid,
  used_at timestamptz,
  settlement_id uuid,
  replaces uuid,
  prints integer NOT NULL DEFAULT 0,
  correlation_id text NOT NULL,
  CONSTRAINT pk_voucher PRIMARY KEY (id),
  CONSTRAINT uq_voucher_serial UNIQUE (serial),
  CONSTRAINT uq_voucher_number_hash UNIQUE (number_hash),
  CONSTRAINT fk_voucher_group_id FOREIGN KEY (group_id) REFERENCES voucher_group (id),
  CONSTRAINT fk_voucher_batch_id FOREIGN KEY (batch_id) REFERENCES voucher_batch (id),
  CONSTRAINT fk_voucher_merchant_id FOREIGN KEY (merchant_id) REFERENCES merchant (id),
  CONSTRAINT fk_voucher_settlement_id FOREIGN KEY (settlement_id)
    REFERENCES voucher_settlement (id),
  CONSTRAINT fk_voucher_replaces FOREIGN KEY (replaces) REFERENCES voucher (id),
  CONSTRAINT ck_voucher_kind CHECK (kind IN ('voucher', 'payment_order')),
  CONSTRAINT ck_voucher_state CHECK (state IN ('not_pre_activated', 'pre_activated', 'activated',
    'used', 'suspended', 'blocked', 'purged', 'expired', 'cancelled')),
  CONSTRAINT ck_voucher_serial CHECK (serial ~ '^[1-9][0-9]{0,24}$'),
  CONSTRAINT ck_voucher_amount CHECK (amount_pence >= 0
    AND (amount_pence > 0 OR is_rehearsal)),
  CONSTRAINT ck_voucher_currency CHECK (currency ~ '^[A-Z]{3}$'
    AND (currency = 'GBP' OR is_rehearsal)),
  CONSTRAINT ck_voucher_used CHECK ((state = 'used') = (used_at IS NOT NULL)
    AND (settlement_id IS NULL OR merchant_id IS NOT NULL))
);
CREATE INDEX ix_voucher_organisation ON voucher (organisation, id);
CREATE INDEX ix_voucher_batch_id ON voucher (batch_id, id) WHERE batch_id IS NOT NULL;
CREATE INDEX ix_voucher_due ON voucher (expires_at)
  WHERE state IN ('pre_activated', 'activated', 'suspended');
CREATE INDEX ix_voucher_unsettled ON voucher (organisation, merchant_id)
  WHERE state = 'used' AND settlement_id IS NULL AND NOT is_rehearsal;
CREATE UNIQUE INDEX uq_voucher_replaces ON voucher (replaces) WHERE replaces IS NOT NULL;
-- What happened to a voucher; nothing of it is ever changed.
CREATE TABLE voucher_event (
  id uuid,
  voucher_id uuid NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  state text,
  actor_kind text NOT NULL,
  actor_id text NOT NULL,
  actor_name text NOT NULL,
  details jsonb NOT NULL,
  correlation_id text NOT NULL,
  CONSTRAINT pk_voucher_event PRIMARY KEY (id),
  CONSTRAINT fk_voucher_event_voucher_id FOREIGN KEY (voucher_id) REFERENCES voucher (id)
);
CREATE INDEX ix_voucher_event_voucher_id ON voucher_event (voucher_id, id);

CREATE TABLE govstack_building_block (
  organisation text,
  name text,
  registered_at timestamptz NOT NULL,
  CONSTRAINT pk_govstack_building_block PRIMARY KEY (organisation, name)
);
-- A beneficiary's changes are versions; the highest one counts.
CREATE TABLE govstack_beneficiary (
  id uuid,
  organisation text NOT NULL,
  functional_id text NOT NULL,
  version integer NOT NULL,
  source text NOT NULL,
  request_id text NOT NULL,
  modality text NOT NULL,
  address_sealed bytea,
  address_tail text NOT NULL,
  institution text NOT NULL DEFAULT '',
  is_active boolean NOT NULL DEFAULT true,
  registered_at timestamptz NOT NULL,
  correlation_id text NOT NULL,
  CONSTRAINT pk_govstack_beneficiary PRIMARY KEY (id),
  CONSTRAINT uq_govstack_beneficiary_organisation_functional_id_version
    UNIQUE (organisation, functional_id, version)
);
CREATE TABLE govstack_batch (
  id uuid,
  organisation text NOT NULL,
  shape text NOT NULL,
  kind text NOT NULL,
  request_id text NOT NULL,
  source text NOT NULL,
  batch_id text NOT NULL,
  body_sha256 bytea NOT NULL,
  state text NOT NULL,
  is_rehearsal boolean NOT NULL DEFAULT false,
  instruction_count integer NOT NULL,
  total_pence bigint NOT NULL,
  run_id uuid,
  callback_url text NOT NULL DEFAULT '',
  received_at timestamptz NOT NULL,
  state_at timestamptz NOT NULL,
  correlation_id text NOT NULL,
  CONSTRAINT pk_govstack_batch PRIMARY KEY (id),
  CONSTRAINT fk_govstack_batch_run_id FOREIGN KEY (run_id) REFERENCES run (id),
  CONSTRAINT ck_govstack_batch_shape CHECK (shape IN ('a', 'b')),
  CONSTRAINT ck_govstack_batch_kind CHECK (kind IN ('validation', 'payment')),
  CONSTRAINT ck_govstack_batch_state
    CHECK (state IN ('received', 'checked', 'in_run', 'refused', 'rehearsed'))
);
CREATE UNIQUE INDEX uq_govstack_batch_request ON govstack_batch
  (organisation, kind, source, request_id) WHERE NOT is_rehearsal AND kind = 'payment';
CREATE INDEX ix_govstack_batch_batch_id ON govstack_batch (organisation, batch_id, id);
CREATE TABLE govstack_instruction (
  batch_id uuid,
  number integer,
  instruction_id text NOT NULL,
  functional_id text NOT NULL,
  amount_pence bigint NOT NULL,
  currency text NOT NULL,
  narration text NOT NULL,
  address_sealed bytea,
  failure text NOT NULL DEFAULT '',
  payment_id uuid,
  CONSTRAINT pk_govstack_instruction PRIMARY KEY (batch_id, number),
  CONSTRAINT fk_govstack_instruction_batch_id FOREIGN KEY (batch_id)
    REFERENCES govstack_batch (id),
  CONSTRAINT fk_govstack_instruction_payment_id FOREIGN KEY (payment_id) REFERENCES payment (id)
);
CREATE TABLE govstack_callback (
  id uuid,
  organisation text NOT NULL,
  method text NOT NULL,
  url text NOT NULL,
  body jsonb NOT NULL,
  correlation_header text NOT NULL DEFAULT '',
  state text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  last_answer text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  state_at timestamptz NOT NULL,
  CONSTRAINT pk_govstack_callback PRIMARY KEY (id),
  CONSTRAINT ck_govstack_callback_state CHECK (state IN ('waiting', 'delivered', 'given_up'))
);
CREATE INDEX ix_govstack_callback_organisation ON govstack_callback (organisation, id);
REVOKE UPDATE, DELETE, TRUNCATE ON voucher_event, voucher_batch_signature, govstack_beneficiary
  FROM payments;
REVOKE DELETE, TRUNCATE ON voucher, voucher_batch, voucher_funding, voucher_settlement,
  voucher_group, merchant, govstack_batch, govstack_instruction, govstack_callback FROM payments;
