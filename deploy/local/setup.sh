#!/bin/sh
# Finds a Python that is new enough and hands over to setup.py; `setup.sh run` or `setup.sh dev`.
set -eu
cd "$(dirname "$0")/../.."

new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
    if new_enough "$python"; then
        exec "$python" -m deploy.local.setup "$@"
    fi
done

have=$(${PYTHON:-python3} --version 2>&1 || echo "no python3")
echo "Clachan needs Python 3.11 or newer; here is: $have." >&2
echo "Install one and name it: make run PYTHON=/path/to/python3.12" >&2
exit 1
