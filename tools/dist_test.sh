#!/usr/bin/env bash
# Test in several processes on this machine: one per GPU, or over Gloo where there are no GPUs.
#   bash tools/dist_test.sh CONFIG CHECKPOINT_OR_WORK_DIR GPUS [tools/test.py's arguments]
#   bash tools/dist_test.sh configs/vidnet_r101.py work_dirs/vidnet_r101/epoch_500.pth 2 --out predictions.npz
# The same as: vidzoo test CONFIG CHECKPOINT --gpus GPUS
# PYTHON names another interpreter than the project's .venv or the PATH's; OMP_NUM_THREADS another share of the cores.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "error: expected CONFIG CHECKPOINT GPUS, as in: bash $0 configs/vidnet_r101.py epoch_500.pth 2" >&2
    exit 2
fi
tools=$(dirname "${BASH_SOURCE[0]}")
python=${PYTHON:-$([ -x "$tools/../.venv/bin/python" ] && echo "$tools/../.venv/bin/python" || echo python3)}
exec "$python" "$tools/test.py" "$1" "$2" --gpus "$3" "${@:4}"
