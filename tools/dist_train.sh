#!/usr/bin/env bash
# Train in several processes on this machine: one per GPU, or over Gloo where there are no GPUs.
#   bash tools/dist_train.sh CONFIG GPUS [tools/train.py's arguments]      # the same as: vidzoo train CONFIG --gpus GPUS
#   bash tools/dist_train.sh configs/vidnet_r101.py 2 --amp --resume
# PYTHON names another interpreter than the project's .venv or the PATH's; OMP_NUM_THREADS another share of the cores.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "error: expected CONFIG GPUS, as in: bash $0 configs/vidnet_r101.py 2" >&2
    exit 2
fi
tools=$(dirname "${BASH_SOURCE[0]}")
python=${PYTHON:-$([ -x "$tools/../.venv/bin/python" ] && echo "$tools/../.venv/bin/python" || echo python3)}
exec "$python" "$tools/train.py" "$1" --gpus "$2" "${@:3}"
