-- The rail of a programme is taken over by its runs, so it needs the reason that a run needs. No
-- file goes to a bank for payment orders, which never were the rail of a run.
ALTER TABLE programme ADD COLUMN rail_reason text NOT NULL DEFAULT '';
UPDATE programme SET rail = 'bacs' WHERE rail = 'payment_order';
UPDATE programme SET rail_reason = 'Set by the administrator of the organisation'
 WHERE rail <> 'bacs';
ALTER TABLE programme ADD CONSTRAINT ck_programme_rail_reason
  CHECK (rail = 'bacs' OR rail_reason <> '');
ALTER TABLE run DROP CONSTRAINT ck_run_source,
  ADD CONSTRAINT ck_run_source
    CHECK (source IN ('api', 'upload', 'journey', 'govstack', 'schedule'));

CREATE TABLE schedule (
  id uuid,
  organisation text NOT NULL,
  programme_id uuid NOT NULL,
  reference text NOT NULL,
  name text NOT NULL,
  frequency text NOT NULL,
  month_day smallint,
  starts_on date NOT NULL,
  ends_on date,
  most smallint,
  days_ahead smallint NOT NULL,
  state text NOT NULL,
  state_reason text NOT NULL DEFAULT '',
  -- The next day that nothing was done about yet, and when it has to be done; none at the end.
  next_on date,
  look_at timestamptz,
  created_by_id text NOT NULL,
  created_by_name text NOT NULL,
  created_at timestamptz NOT NULL,
  state_at timestamptz NOT NULL,
  CONSTRAINT pk_schedule PRIMARY KEY (id),
  CONSTRAINT uq_schedule_reference UNIQUE (reference),
  CONSTRAINT fk_schedule_organisation_body
    FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT fk_schedule_programme_id_programme
    FOREIGN KEY (programme_id) REFERENCES programme (id),
  CONSTRAINT ck_schedule_frequency CHECK (frequency IN ('weekly', 'fortnightly', 'four_weekly',
    'monthly', 'month_end')),
  CONSTRAINT ck_schedule_month_day CHECK ((frequency = 'monthly') = (month_day IS NOT NULL)
    AND month_day BETWEEN 1 AND 31),
  CONSTRAINT ck_schedule_most CHECK (most BETWEEN 1 AND 520),
  CONSTRAINT ck_schedule_ends_on CHECK (ends_on >= starts_on),
  CONSTRAINT ck_schedule_days_ahead CHECK (days_ahead BETWEEN 1 AND 20),
  CONSTRAINT ck_schedule_state CHECK (state IN ('active', 'paused', 'ended')),
  CONSTRAINT ck_schedule_next CHECK ((next_on IS NULL) = (look_at IS NULL)
    AND (state <> 'ended' OR next_on IS NULL))
);
CREATE INDEX ix_schedule_organisation_id ON schedule (organisation, id);
CREATE INDEX ix_schedule_look_at ON schedule (look_at) WHERE state = 'active';

-- What is paid, from a day on. The content of a version never changes.
CREATE TABLE schedule_version (
  id uuid,
  organisation text NOT NULL,
  schedule_id uuid NOT NULL,
  number integer NOT NULL,
  from_on date NOT NULL,
  state text NOT NULL,
  reason text NOT NULL,
  payments integer NOT NULL,
  total_pence bigint NOT NULL,
  proposed_by_id text NOT NULL,
  proposed_by_name text NOT NULL,
  proposed_at timestamptz NOT NULL,
  decided_by_id text,
  decided_by_name text,
  decided_at timestamptz,
  CONSTRAINT pk_schedule_version PRIMARY KEY (id),
  CONSTRAINT uq_schedule_version_schedule_id_number UNIQUE (schedule_id, number),
  CONSTRAINT fk_schedule_version_schedule_id_schedule
    FOREIGN KEY (schedule_id) REFERENCES schedule (id),
  CONSTRAINT ck_schedule_version_state CHECK (state IN ('proposed', 'live', 'refused')),
  CONSTRAINT ck_schedule_version_totals CHECK (payments > 0 AND total_pence > 0),
  CONSTRAINT ck_schedule_version_two_people CHECK (state <> 'live' OR number = 1
    OR decided_by_id IS NOT NULL),
  CONSTRAINT ck_schedule_version_decided CHECK ((decided_by_id IS NULL) = (decided_at IS NULL))
);
CREATE UNIQUE INDEX uq_schedule_version_proposed ON schedule_version (schedule_id)
  WHERE state = 'proposed';
CREATE TABLE schedule_payment (
  version_id uuid,
  number integer,
  payee_id uuid NOT NULL,
  amount_pence bigint NOT NULL,
  reference text NOT NULL,
  CONSTRAINT pk_schedule_payment PRIMARY KEY (version_id, number),
  CONSTRAINT fk_schedule_payment_version_id_schedule_version
    FOREIGN KEY (version_id) REFERENCES schedule_version (id),
  CONSTRAINT fk_schedule_payment_payee_id_payee FOREIGN KEY (payee_id) REFERENCES payee (id),
  CONSTRAINT ck_schedule_payment_amount CHECK (amount_pence > 0)
);
CREATE INDEX ix_schedule_payment_payee_id ON schedule_payment (payee_id);

-- One line for each day that something was done about; the key makes each happen once.
CREATE TABLE schedule_occurrence (
  schedule_id uuid,
  wanted_on date,
  id uuid NOT NULL,
  organisation text NOT NULL,
  state text NOT NULL,
  version_id uuid,
  run_id uuid,
  reason text NOT NULL DEFAULT '',
  is_caught_up boolean NOT NULL DEFAULT false,
  by_id text NOT NULL,
  by_name text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT pk_schedule_occurrence PRIMARY KEY (schedule_id, wanted_on),
  CONSTRAINT uq_schedule_occurrence_id UNIQUE (id),
  CONSTRAINT fk_schedule_occurrence_schedule_id_schedule
    FOREIGN KEY (schedule_id) REFERENCES schedule (id),
  CONSTRAINT fk_schedule_occurrence_version_id_schedule_version
    FOREIGN KEY (version_id) REFERENCES schedule_version (id),
  CONSTRAINT fk_schedule_occurrence_run_id_run FOREIGN KEY (run_id) REFERENCES run (id),
  CONSTRAINT ck_schedule_occurrence_state CHECK (state IN ('made', 'skipped', 'missed')),
  CONSTRAINT ck_schedule_occurrence_made CHECK ((state = 'made') = (run_id IS NOT NULL)
    AND (run_id IS NULL) = (version_id IS NULL)),
  CONSTRAINT ck_schedule_occurrence_reason CHECK (state = 'made' OR reason <> '')
);
CREATE UNIQUE INDEX uq_schedule_occurrence_run_id ON schedule_occurrence (run_id)
  WHERE run_id IS NOT NULL;
CREATE TABLE schedule_event (
  id uuid,
  organisation text NOT NULL,
  schedule_id uuid NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  actor_id text NOT NULL,
  actor_name text NOT NULL,
  details jsonb NOT NULL,
  CONSTRAINT pk_schedule_event PRIMARY KEY (id),
  CONSTRAINT fk_schedule_event_schedule_id_schedule
    FOREIGN KEY (schedule_id) REFERENCES schedule (id)
);
CREATE INDEX ix_schedule_event_schedule_id ON schedule_event (schedule_id, id);
REVOKE DELETE, TRUNCATE ON schedule, schedule_version, schedule_occurrence FROM payments;
REVOKE UPDATE, DELETE, TRUNCATE ON schedule_payment, schedule_event FROM payments;

-- An approver's authority in a colleague's hands, for some days.
CREATE TABLE delegation (
  id uuid,
  organisation text NOT NULL,
  from_id text NOT NULL,
  from_name text NOT NULL,
  to_id text NOT NULL,
  to_name text NOT NULL,
  pence bigint NOT NULL,
  programme_id uuid,
  valid_from date NOT NULL,
  valid_until date NOT NULL,
  reason text NOT NULL,
  state text NOT NULL,
  proposed_at timestamptz NOT NULL,
  decided_by_id text,
  decided_by_name text,
  decided_at timestamptz,
  ended_by_name text,
  ended_at timestamptz,
  CONSTRAINT pk_delegation PRIMARY KEY (id),
  CONSTRAINT fk_delegation_organisation_body
    FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT fk_delegation_programme_id_programme
    FOREIGN KEY (programme_id) REFERENCES programme (id),
  CONSTRAINT ck_delegation_people CHECK (from_id <> to_id
    AND decided_by_id IS DISTINCT FROM from_id AND decided_by_id IS DISTINCT FROM to_id),
  CONSTRAINT ck_delegation_days CHECK (valid_until >= valid_from),
  CONSTRAINT ck_delegation_pence CHECK (pence > 0),
  CONSTRAINT ck_delegation_state CHECK (state IN ('proposed', 'live', 'refused', 'ended')),
  CONSTRAINT ck_delegation_decided CHECK (state NOT IN ('live', 'refused')
    OR decided_by_id IS NOT NULL)
);
CREATE INDEX ix_delegation_organisation_id ON delegation (organisation, id);
CREATE INDEX ix_delegation_to ON delegation (organisation, to_id) WHERE state = 'live';

-- A role that an administrator took for a few hours, with a reason.
CREATE TABLE emergency_access (
  id uuid,
  organisation text NOT NULL,
  person_id text NOT NULL,
  person_name text NOT NULL,
  role text NOT NULL,
  reason text NOT NULL,
  begun_at timestamptz NOT NULL,
  until_at timestamptz NOT NULL,
  ended_at timestamptz,
  CONSTRAINT pk_emergency_access PRIMARY KEY (id),
  CONSTRAINT fk_emergency_access_organisation_body
    FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT ck_emergency_access_hours CHECK (until_at > begun_at
    AND until_at <= begun_at + interval '4 hours'),
  CONSTRAINT ck_emergency_access_reason CHECK (reason <> '')
);
CREATE INDEX ix_emergency_access_person
  ON emergency_access (organisation, person_id, until_at);
CREATE INDEX ix_emergency_access_organisation_id ON emergency_access (organisation, id);
REVOKE DELETE, TRUNCATE ON delegation, emergency_access FROM payments;
