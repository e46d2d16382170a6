#!/usr/bin/env bash
# Make .venv in the project's root and install vidzoo with everything its tests and its quickstart use.
#   bash tools/install.sh            # python3 of the PATH; another one: PYTHON=python3.12 bash tools/install.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    echo "error: vidzoo needs Python 3.10 or later; '$PYTHON' is $("$PYTHON" --version 2>&1 || true)." \
         "Name another one: PYTHON=python3.12 bash $0" >&2
    exit 2
fi

# Installed already, from this very setup.py?
stamp=.venv/vidzoo-installed
if [ "$(cat "$stamp" 2>/dev/null)" = "$PWD" ] && [ ! setup.py -nt "$stamp" ]; then
    exit 0
fi
# A folder that a failed attempt left behind has a Python but no pip.
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$PYTHON" -m venv --clear .venv
echo "Installing into .venv (a few minutes and about 6 GB, mostly PyTorch) ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
echo "$PWD" > "$stamp"
