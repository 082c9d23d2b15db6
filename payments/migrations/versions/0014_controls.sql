-- Limits, approval bands and delegated authorities. A rule is proposed by one administrator and
-- confirmed by another; its content never changes, a new one takes its place.
CREATE TABLE control_rule (
  id uuid,
  organisation text NOT NULL,
  kind text NOT NULL,
  replaces uuid,
  measure text,
  programme_id uuid,
  rail text,
  pence bigint NOT NULL,
  approvals smallint,
  step_up boolean NOT NULL DEFAULT false,
  person_id text,
  person_name text,
  valid_from date,
  valid_until date,
  state text NOT NULL DEFAULT 'proposed',
  reason text NOT NULL,
  proposed_by_id text NOT NULL,
  proposed_by_name text NOT NULL,
  proposed_at timestamptz NOT NULL,
  decided_by_id text,
  decided_by_name text,
  decided_at timestamptz,
  ended_at timestamptz,
  CONSTRAINT pk_control_rule PRIMARY KEY (id),
  CONSTRAINT fk_control_rule_organisation_body
    FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT fk_control_rule_programme_id_programme
    FOREIGN KEY (programme_id) REFERENCES programme (id),
  CONSTRAINT fk_control_rule_replaces FOREIGN KEY (replaces) REFERENCES control_rule (id),
  CONSTRAINT ck_control_rule_kind CHECK (kind IN ('limit', 'band', 'authority', 'end')),
  CONSTRAINT ck_control_rule_state CHECK (state IN ('proposed', 'live', 'ended', 'refused')),
  CONSTRAINT ck_control_rule_pence CHECK (pence >= 0),
  CONSTRAINT ck_control_rule_limit CHECK ((kind = 'limit') = (measure IS NOT NULL)
    AND (measure IS NULL OR measure IN ('payment', 'run', 'day', 'two_days'))),
  CONSTRAINT ck_control_rule_band CHECK ((kind = 'band') = (approvals IS NOT NULL)
    AND (approvals IS NULL OR approvals BETWEEN 1 AND 5)),
  CONSTRAINT ck_control_rule_authority CHECK ((kind = 'authority') = (person_id IS NOT NULL)
    AND (kind = 'authority') = (valid_from IS NOT NULL AND valid_until IS NOT NULL)
    AND (kind = 'authority') = (person_name IS NOT NULL)
    AND (valid_from IS NULL OR valid_from <= valid_until)),
  CONSTRAINT ck_control_rule_end CHECK (kind <> 'end' OR replaces IS NOT NULL),
  CONSTRAINT ck_control_rule_rail CHECK (rail IN
    ('bacs', 'faster_payments', 'chaps', 'payment_order')),
  CONSTRAINT ck_control_rule_two_people CHECK (state NOT IN ('live', 'ended')
    OR decided_by_id IS DISTINCT FROM proposed_by_id),
  CONSTRAINT ck_control_rule_own_authority CHECK (decided_by_id IS DISTINCT FROM person_id
    OR decided_by_id IS NULL)
);
CREATE INDEX ix_control_rule_organisation_state ON control_rule (organisation, state);

CREATE FUNCTION keep_control_rule() RETURNS trigger LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
BEGIN
  IF OLD.state IN ('ended', 'refused')
     OR (OLD.organisation, OLD.kind, OLD.replaces, OLD.measure, OLD.programme_id, OLD.rail,
         OLD.pence, OLD.approvals, OLD.step_up, OLD.person_id, OLD.valid_from, OLD.valid_until,
         OLD.proposed_by_id, OLD.proposed_at)
        IS DISTINCT FROM
        (NEW.organisation, NEW.kind, NEW.replaces, NEW.measure, NEW.programme_id, NEW.rail,
         NEW.pence, NEW.approvals, NEW.step_up, NEW.person_id, NEW.valid_from, NEW.valid_until,
         NEW.proposed_by_id, NEW.proposed_at) THEN
    RAISE EXCEPTION 'rule %: what was proposed never changes', OLD.id USING ERRCODE = 'LG015';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER control_rule_kept BEFORE UPDATE ON control_rule
  FOR EACH ROW EXECUTE FUNCTION keep_control_rule();
REVOKE DELETE, TRUNCATE ON control_rule FROM payments;

-- Holds of a body, a programme or a run; one payment's hold is its state, and has a line here too.
CREATE TABLE hold (
  id uuid,
  organisation text NOT NULL,
  level text NOT NULL,
  programme_id uuid,
  run_id uuid,
  payment_id uuid,
  reason text NOT NULL,
  owner text NOT NULL,
  review_on date NOT NULL,
  placed_by_id text NOT NULL,
  placed_by_name text NOT NULL,
  placed_at timestamptz NOT NULL,
  lifted_by_id text,
  lifted_by_name text,
  lifted_at timestamptz,
  lift_reason text,
  CONSTRAINT pk_hold PRIMARY KEY (id),
  CONSTRAINT fk_hold_organisation_body FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT fk_hold_programme_id_programme FOREIGN KEY (programme_id) REFERENCES programme (id),
  CONSTRAINT fk_hold_run_id_run FOREIGN KEY (run_id) REFERENCES run (id),
  CONSTRAINT fk_hold_payment_id_payment FOREIGN KEY (payment_id) REFERENCES payment (id),
  CONSTRAINT ck_hold_level CHECK (level IN ('body', 'programme', 'run', 'payment')
    AND (level = 'programme') = (programme_id IS NOT NULL)
    AND (level = 'run') = (run_id IS NOT NULL) AND (level = 'payment') = (payment_id IS NOT NULL)),
  CONSTRAINT ck_hold_lifted CHECK ((lifted_at IS NULL) = (lifted_by_id IS NULL)
    AND (lifted_at IS NULL) = (lift_reason IS NULL))
);
CREATE UNIQUE INDEX uq_hold_standing ON hold
  (organisation, level, coalesce(payment_id, run_id, programme_id,
                                 '00000000-0000-0000-0000-000000000000'))
  WHERE lifted_at IS NULL;
CREATE INDEX ix_hold_payment_id ON hold (payment_id) WHERE payment_id IS NOT NULL;
REVOKE DELETE, TRUNCATE ON hold FROM payments;

-- Days on which a body pays nothing although Bacs works.
CREATE TABLE closing_day (
  id uuid,
  organisation text NOT NULL,
  day date NOT NULL,
  reason text NOT NULL,
  set_by_id text NOT NULL,
  set_by_name text NOT NULL,
  set_at timestamptz NOT NULL,
  removed_by_id text,
  removed_by_name text,
  removed_at timestamptz,
  CONSTRAINT pk_closing_day PRIMARY KEY (id),
  CONSTRAINT fk_closing_day_organisation_body
    FOREIGN KEY (organisation) REFERENCES body (organisation)
);
CREATE UNIQUE INDEX uq_closing_day ON closing_day (organisation, day) WHERE removed_at IS NULL;
REVOKE DELETE, TRUNCATE ON closing_day FROM payments;

-- The time of day, in Europe/London, until which a rail's input of that day is possible.
CREATE TABLE cut_off (
  organisation text,
  rail text,
  at time,
  changed_by_name text NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_cut_off PRIMARY KEY (organisation, rail),
  CONSTRAINT fk_cut_off_organisation_body
    FOREIGN KEY (organisation) REFERENCES body (organisation),
  CONSTRAINT ck_cut_off_rail CHECK (rail IN ('bacs', 'faster_payments', 'chaps'))
);

ALTER TABLE programme
  -- People are paid before a day that Bacs does not work on, suppliers after it.
  ADD COLUMN kind text NOT NULL DEFAULT 'people',
  ADD COLUMN rail text NOT NULL DEFAULT 'bacs',
  ADD COLUMN gl_code text NOT NULL DEFAULT '',
  ADD CONSTRAINT ck_programme_kind CHECK (kind IN ('people', 'suppliers')),
  ADD CONSTRAINT ck_programme_rail CHECK (rail IN
    ('bacs', 'faster_payments', 'chaps', 'payment_order')),
  DROP CONSTRAINT ck_programme_release,
  ADD CONSTRAINT ck_programme_release CHECK (release IN ('on_approval', 'by_hand', 'on_schedule'));
ALTER TABLE body ADD COLUMN step_up text NOT NULL DEFAULT 'bands',
  ADD CONSTRAINT ck_body_step_up CHECK (step_up IN ('bands', 'all'));

-- Who has worked for a body, as they last signed in: the people that an authority can be given to.
CREATE TABLE staff_seen (
  organisation text,
  person_id text,
  name text NOT NULL,
  roles text[] NOT NULL,
  seen_at timestamptz NOT NULL,
  CONSTRAINT pk_staff_seen PRIMARY KEY (organisation, person_id)
);
