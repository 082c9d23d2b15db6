-- The tables of the ledger. Amounts are whole pence, debit positive.
CREATE TABLE account (
  id uuid,
  body text NOT NULL,
  code text COLLATE "C" NOT NULL,
  type text NOT NULL,
  normal_side text NOT NULL,
  currency text NOT NULL,
  bound text NOT NULL DEFAULT 'none',
  limit_pence bigint NOT NULL DEFAULT 0,
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  CONSTRAINT pk_account PRIMARY KEY (id),
  CONSTRAINT uq_account_body_code UNIQUE (body, code),
  CONSTRAINT ck_account_type CHECK (type IN ('asset','liability','suspense','income','expense')),
  CONSTRAINT ck_account_normal_side CHECK (normal_side IN ('debit','credit')),
  CONSTRAINT ck_account_currency CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT ck_account_bound CHECK (bound IN ('none','not_negative','limit')
                                     AND (bound = 'limit' OR limit_pence = 0) AND limit_pence >= 0)
);
CREATE TABLE period (
  id uuid,
  body text NOT NULL,
  starts_on date NOT NULL,
  ends_before date NOT NULL,
  state text NOT NULL DEFAULT 'open',
  closed_by text,
  signed_by text,
  closed_at timestamptz,
  CONSTRAINT pk_period PRIMARY KEY (id),
  CONSTRAINT ck_period_state CHECK (state IN ('open','closing','closed')),
  CONSTRAINT ck_period_days CHECK (starts_on < ends_before),
  CONSTRAINT ex_period_overlap
    EXCLUDE USING gist (body WITH =, daterange(starts_on, ends_before) WITH &&)
);
CREATE TABLE posting_batch (
  id uuid,
  body text NOT NULL,
  purpose text NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  recorded_at timestamptz NOT NULL DEFAULT now(),
  entries_seen bigint NOT NULL DEFAULT 0,
  entries_with_postings bigint NOT NULL DEFAULT 0,
  postings_declared bigint NOT NULL DEFAULT 0,
  postings_seen bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_posting_batch PRIMARY KEY (id)
);
CREATE TABLE entry (
  id uuid,
  batch_id uuid NOT NULL,
  body text NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  rule_version smallint NOT NULL,
  kind text NOT NULL,
  refers_to uuid,
  period_id uuid NOT NULL,
  effective_on date NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  posting_count smallint NOT NULL,
  currency text NOT NULL,
  request_hash bytea NOT NULL,
  CONSTRAINT pk_entry PRIMARY KEY (id),
  CONSTRAINT uq_entry_event UNIQUE (body, event_type, event_id, rule_version),
  CONSTRAINT ck_entry_kind
    CHECK (kind IN ('posted','pending','post','void','reversal','correction')),
  CONSTRAINT ck_entry_refers_to CHECK ((refers_to IS NULL) = (kind IN ('posted','pending'))),
  CONSTRAINT ck_entry_posting_count CHECK (posting_count >= 2)
);
CREATE UNIQUE INDEX uq_entry_reversal ON entry (refers_to) WHERE kind = 'reversal';
CREATE TABLE posting (
  entry_id uuid,
  line_no smallint,
  account_id uuid NOT NULL,
  amount bigint NOT NULL,
  pending boolean NOT NULL DEFAULT false,
  CONSTRAINT pk_posting PRIMARY KEY (entry_id, line_no),
  CONSTRAINT ck_posting_amount CHECK (amount <> 0)
);
CREATE INDEX ix_posting_account_id_entry_id ON posting (account_id, entry_id);
CREATE TABLE pending_resolution (
  pending_entry_id uuid,
  resolved_by uuid NOT NULL,
  outcome text NOT NULL,
  posted_amount bigint NOT NULL,
  resolved_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_pending_resolution PRIMARY KEY (pending_entry_id),
  CONSTRAINT ck_pending_resolution_outcome CHECK (outcome IN ('posted','voided','expired'))
);
CREATE TABLE balance (
  account_id uuid,
  pending_debit bigint NOT NULL DEFAULT 0,
  pending_credit bigint NOT NULL DEFAULT 0,
  posted_debit bigint NOT NULL DEFAULT 0,
  posted_credit bigint NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_balance PRIMARY KEY (account_id),
  CONSTRAINT ck_balance_columns CHECK (least(pending_debit, pending_credit,
                                             posted_debit, posted_credit) >= 0)
);
CREATE TABLE balance_day (
  account_id uuid,
  day date,
  pending_debit bigint NOT NULL,
  pending_credit bigint NOT NULL,
  posted_debit bigint NOT NULL,
  posted_credit bigint NOT NULL,
  CONSTRAINT pk_balance_day PRIMARY KEY (account_id, day)
);
