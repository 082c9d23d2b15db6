"""The catalogue: bodies, service types, entries, and what the search looks through."""

from alembic import op

revision = "0002_catalogue"
down_revision = "0001_floor"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE organisation (
  slug text,
  kind text NOT NULL,
  name text NOT NULL,
  name_gd text NOT NULL DEFAULT '',
  description text NOT NULL DEFAULT '',
  homepage_url text NOT NULL,
  gss_code text,
  gss_code_as_published text,
  local_custodian_code integer,
  fictitious boolean NOT NULL,
  CONSTRAINT pk_organisation PRIMARY KEY (slug),
  CONSTRAINT uq_organisation_gss_code UNIQUE (gss_code),
  CONSTRAINT uq_organisation_gss_code_as_published UNIQUE (gss_code_as_published),
  CONSTRAINT uq_organisation_local_custodian_code UNIQUE (local_custodian_code),
  CONSTRAINT ck_organisation_kind CHECK (kind IN ('council', 'body'))
);

CREATE TABLE service_type (
  lgsl_code integer,
  slug text NOT NULL,
  label text NOT NULL,
  lgil_codes integer[] NOT NULL,
  CONSTRAINT pk_service_type PRIMARY KEY (lgsl_code)
);

CREATE TABLE interaction (
  lgil_code integer,
  slug text NOT NULL,
  CONSTRAINT pk_interaction PRIMARY KEY (lgil_code)
);

CREATE TABLE catalogue_entry (
  id uuid,
  slug text NOT NULL,
  state text NOT NULL,
  organisation_slug text,
  journey_id text,
  lgsl_code integer,
  lgil_code integer,
  life_events text[] NOT NULL,
  popularity integer NOT NULL,
  texts jsonb NOT NULL,
  search_en tsvector NOT NULL,
  search_gd tsvector NOT NULL,
  content_hash bytea NOT NULL,
  published_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_catalogue_entry PRIMARY KEY (id),
  CONSTRAINT uq_catalogue_entry_slug UNIQUE (slug),
  CONSTRAINT ck_catalogue_entry_state CHECK (state IN ('published', 'withdrawn')),
  CONSTRAINT fk_catalogue_entry_organisation_slug
    FOREIGN KEY (organisation_slug) REFERENCES organisation (slug),
  CONSTRAINT fk_catalogue_entry_lgsl_code FOREIGN KEY (lgsl_code) REFERENCES service_type (lgsl_code),
  CONSTRAINT fk_catalogue_entry_lgil_code FOREIGN KEY (lgil_code) REFERENCES interaction (lgil_code)
);
COMMENT ON COLUMN catalogue_entry.organisation_slug IS 'empty: supplied by the council of the place';
CREATE INDEX ix_catalogue_entry_organisation_slug ON catalogue_entry (organisation_slug);
CREATE INDEX ix_catalogue_entry_search_en ON catalogue_entry USING gin (search_en);
CREATE INDEX ix_catalogue_entry_search_gd ON catalogue_entry USING gin (search_gd);

CREATE TABLE catalogue_alias (
  entry_id uuid,
  alias text,
  CONSTRAINT pk_catalogue_alias PRIMARY KEY (entry_id, alias),
  CONSTRAINT fk_catalogue_alias_entry_id
    FOREIGN KEY (entry_id) REFERENCES catalogue_entry (id) ON DELETE CASCADE
);
COMMENT ON COLUMN catalogue_alias.alias IS 'names and aliases in all languages, lower case';
CREATE INDEX ix_catalogue_alias_alias ON catalogue_alias USING gin (alias gin_trgm_ops);
CREATE INDEX ix_catalogue_alias_exact ON catalogue_alias (alias);

CREATE TABLE catalogue_term (
  term text,
  CONSTRAINT pk_catalogue_term PRIMARY KEY (term)
);
COMMENT ON TABLE catalogue_term IS 'each word of any name or alias once: what misspelt words are compared with';
CREATE INDEX ix_catalogue_term_term ON catalogue_term USING gin (term gin_trgm_ops);

CREATE TABLE catalogue_word (
  term text,
  entry_id uuid,
  CONSTRAINT pk_catalogue_word PRIMARY KEY (term, entry_id),
  CONSTRAINT fk_catalogue_word_term FOREIGN KEY (term) REFERENCES catalogue_term (term),
  CONSTRAINT fk_catalogue_word_entry_id
    FOREIGN KEY (entry_id) REFERENCES catalogue_entry (id) ON DELETE CASCADE
);
CREATE INDEX ix_catalogue_word_entry_id ON catalogue_word (entry_id);
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "DROP TABLE catalogue_word, catalogue_term, catalogue_alias, catalogue_entry,"
        " interaction, service_type, organisation"
    )
