#!/usr/bin/env bash
# Train a model of landmarks with three seeds and test it; results as docs/results/made_up/SETTING_seed0.json ...
#   bash projects/made_up_people/run.sh SETTING DATA SPLIT EPOCHS [TEST_DATA TEST_SPLIT TEST_SETTING]...
# The tests are of SPLIT, and of each further data file and split.
set -euo pipefail
setting=$1 data=$2 split=$3 epochs=$4
shift 4
out=${RESULTS:-docs/results/made_up}
work=${WORK:-work_dirs/made_up}
python=${PYTHON:-python}
mkdir -p "$out"
for seed in ${SEEDS:-0 1 2}; do
    dir=$work/${setting}_seed$seed
    [ -f "$dir/epoch_$epochs.pth" ] || $python -m vidzoo.cli train landmarknet_made_up --data "$data" --split "$split" \
        --work-dir "$dir" --cfg-options randomness.seed="$seed" train_cfg.max_epochs="$epochs" \
        default_hooks.checkpoint.interval="$epochs"
    set -- "$data" "$split" "$setting" "$@"
    tests=("$@")
    for ((i = 0; i < ${#tests[@]}; i += 3)); do
        name=${tests[i + 2]}_seed$seed
        [ -f "$out/$name.json" ] && continue
        $python -m vidzoo.cli test landmarknet_made_up "$dir" --data "${tests[i]}" --split "${tests[i + 1]}" \
            --work-dir "$dir" --out "$dir/$name/predictions.npz"
        cp "$dir/$name/results.json" "$out/$name.json"
    done
    shift 3
done
