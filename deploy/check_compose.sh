#!/usr/bin/env sh
# Checks the compose file, and where an engine answers, builds the image and asks it for its commands.
set -eu
cd "$(dirname "$0")/.."
python3 -m deploy.compose check
if ! docker info >/dev/null 2>&1; then
  echo "no container engine answers here: the compose file was read, no image was built"
  exit 0
fi
docker compose config --quiet
docker build --file deploy/Dockerfile --target platform --tag clachan:0.1.0 .
for service in identity payments notifications gateway; do
  docker run --rm clachan:0.1.0 python -m "$service" --help >/dev/null
done
echo "image built; every service answers"
