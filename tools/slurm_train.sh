#!/usr/bin/env bash
# Train on a Slurm cluster, one process per GPU, over as many nodes as GPUS needs.
#   bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG [tools/train.py's arguments]
#   GPUS=16 bash tools/slurm_train.sh gpu vidnet configs/vidnet_r101.py --resume
# From the environment: GPUS (8), GPUS_PER_NODE (8 or GPUS, the smaller), CPUS_PER_TASK (5), SRUN_ARGS, PYTHON.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "error: expected PARTITION JOB_NAME CONFIG, as in: bash $0 gpu vidnet configs/vidnet_r101.py" >&2
    exit 2
fi
tools=$(dirname "${BASH_SOURCE[0]}")
python=${PYTHON:-$([ -x "$tools/../.venv/bin/python" ] && echo "$tools/../.venv/bin/python" || echo python3)}
gpus=${GPUS:-8}
cpus=${CPUS_PER_TASK:-5}
for setting in "GPUS=$gpus" "CPUS_PER_TASK=$cpus" ${GPUS_PER_NODE:+"GPUS_PER_NODE=$GPUS_PER_NODE"}; do
    if ! [[ ${setting#*=} =~ ^[1-9][0-9]{0,5}$ ]]; then
        echo "error: $setting, expected a whole number, 1 or more." >&2
        exit 2
    fi
done
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
if ((gpus % per_node)); then
    echo "error: GPUS=$gpus cannot be shared out over nodes of $per_node; set GPUS_PER_NODE to a divisor of it." >&2
    exit 2
fi
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$cpus} MKL_NUM_THREADS=${MKL_NUM_THREADS:-$cpus}
# shellcheck disable=SC2086  # SRUN_ARGS is several words
exec srun --partition="$1" --job-name="$2" --gres="gpu:$per_node" --ntasks="$gpus" --ntasks-per-node="$per_node" \
    --cpus-per-task="$cpus" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "$python" -u "$tools/train.py" "$3" --launcher slurm "${@:4}"
