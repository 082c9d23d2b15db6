#!/usr/bin/env sh
# What `make run` does before its processes start, for containers: database, demo data, edge.
set -eu
python -m deploy.database
for service in identity payments notifications gateway; do
  prefix=$(printf %s "$service" | tr '[:lower:]' '[:upper:]')
  env "${prefix}_DATABASE_URL=$MIGRATION_URL" python -m "$service" migrate
  python -m "$service" seed-demo
done
python -m payments seed-govstack
python -m gateway edge write --out /srv/envoy
python -m identity demo-people
