#!/usr/bin/env sh
# Checks the compose file, and where an engine answers, builds the image and asks it for its commands.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/python -m deploy.compose check
if ! docker info >/dev/null 2>&1; then
  echo "no container engine answers here: the compose file was read, no image was built"
  exit 0
fi
.venv/bin/python -m deploy.compose prepare
docker compose config --quiet
docker build --file deploy/Dockerfile --target platform --tag clachan:0.1.0 .
docker build --file deploy/Dockerfile --target glenmore --tag clachan-glenmore:0.1.0 .
docker run --rm clachan-glenmore:0.1.0 node --check /srv/clachan/deploy/demo/glenmore/app.js
for service in identity payments notifications gateway; do
  docker run --rm clachan:0.1.0 python -m "$service" --help >/dev/null
done
echo "image built; every service answers"
