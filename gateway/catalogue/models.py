"""Tables of the catalogue: bodies, service types, entries and their search words."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from gateway.base import Base

# A council carries its codes; the four re-coded ones keep their former code as well.
organisation = Table(
    "organisation",
    Base.metadata,
    Column("slug", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_gd", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("homepage_url", Text, nullable=False),
    Column("gss_code", Text, unique=True),
    Column("gss_code_as_published", Text, unique=True),
    Column("local_custodian_code", Integer, unique=True),
    Column("fictitious", Boolean, nullable=False),
    CheckConstraint("kind IN ('council', 'body')", name="kind"),
)

service_type = Table(
    "service_type",
    Base.metadata,
    Column("lgsl_code", Integer, primary_key=True, autoincrement=False),
    Column("slug", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("lgil_codes", ARRAY(Integer), nullable=False),
)

interaction = Table(
    "interaction",
    Base.metadata,
    Column("lgil_code", Integer, primary_key=True, autoincrement=False),
    Column("slug", Text, nullable=False),
)

# `texts` holds the words per language as `gateway.catalogue.entry` checked them.
catalogue_entry = Table(
    "catalogue_entry",
    Base.metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column(
        "organisation_slug",
        Text,
        ForeignKey(organisation.c.slug),
        index=True,
        comment="empty: supplied by the council of the place",
    ),
    Column("journey_id", Text),
    Column("lgsl_code", Integer, ForeignKey(service_type.c.lgsl_code)),
    Column("lgil_code", Integer, ForeignKey(interaction.c.lgil_code)),
    Column("life_events", ARRAY(Text), nullable=False),
    Column("popularity", Integer, nullable=False),
    Column("texts", JSONB, nullable=False),
    Column("search_en", TSVECTOR, nullable=False),
    Column("search_gd", TSVECTOR, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint("state IN ('published', 'withdrawn')", name="state"),
    Index("ix_catalogue_entry_search_en", "search_en", postgresql_using="gin"),
    Index("ix_catalogue_entry_search_gd", "search_gd", postgresql_using="gin"),
)

catalogue_alias = Table(
    "catalogue_alias",
    Base.metadata,
    Column(
        "entry_id", Uuid, ForeignKey(catalogue_entry.c.id, ondelete="CASCADE"), primary_key=True
    ),
    Column(
        "alias",
        Text,
        primary_key=True,
        comment="names and aliases in all languages, lower case",
    ),
    Index(
        "ix_catalogue_alias_alias",
        "alias",
        postgresql_using="gin",
        postgresql_ops={"alias": "gin_trgm_ops"},
    ),
    Index("ix_catalogue_alias_exact", "alias"),
)

# Each word of any name or alias once: what misspelt words are compared with.
catalogue_term = Table(
    "catalogue_term",
    Base.metadata,
    Column("term", Text, primary_key=True),
    Index(
        "ix_catalogue_term_term",
        "term",
        postgresql_using="gin",
        postgresql_ops={"term": "gin_trgm_ops"},
    ),
    comment="each word of any name or alias once: what misspelt words are compared with",
)

catalogue_word = Table(
    "catalogue_word",
    Base.metadata,
    Column("term", Text, ForeignKey(catalogue_term.c.term), primary_key=True),
    Column(
        "entry_id",
        Uuid,
        ForeignKey(catalogue_entry.c.id, ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
)
