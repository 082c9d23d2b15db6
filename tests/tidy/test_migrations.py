"""The models describe what the migrations made, on the real database."""

import importlib

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

SERVICES = ("identity", "payments", "notifications", "gateway")


@pytest.mark.parametrize("service", SERVICES)
def test_models_and_migrations_agree(service: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(f"{service}_url")
    metadata = importlib.import_module(f"{service}.db").metadata
    # With its own search path a role sees its tables without a schema, and nothing would compare.
    engine = create_engine(url, connect_args={"options": "-c search_path=public"})
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _parents: kind != "schema" or name == service,
                "version_table_schema": service,
            },
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    # Alembic cannot compare expression indexes; tables, columns, keys and nullability it can.
    serious = [
        change
        for change in differences
        if isinstance(change, list) or "index" not in str(change[0])
    ]
    assert not serious
