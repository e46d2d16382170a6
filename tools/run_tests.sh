#!/usr/bin/env bash
# Install vidzoo into .venv where it is not there yet, and run its tests.
#   bash tools/run_tests.sh                  # all of them
#   bash tools/run_tests.sh tests/models     # arguments go to pytest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/install.sh
exec .venv/bin/python -m pytest "$@"
