#!/usr/bin/env bash
# From a fresh clone to torque curves: install, make synthetic data, train a small VID-Network in its two stages, test
# it, draw it.
#   bash tools/quickstart.sh
# Leaves work_dirs/quickstart/: results.json, predictions.npz, two pictures, the checkpoint and the logs; stage 1's
# are in work_dirs/posenet_r18/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/install.sh
python=.venv/bin/python
out=work_dirs/quickstart
stage1=configs/posenet_r18.py
config=configs/vidnet_r18_stage2.py
data="--data data/synth.h5 --split data/synth_trial.json"

mkdir -p data "$out"
echo; echo "1/6  Synthetic data: made-up people with exact torques (not noise, and not real people)"
[ -f data/synth.h5 ] || $python tools/make_synthetic.py --out data/synth.h5
echo; echo "2/6  Split: whole trials held out; the training trials' pictures for stage 1"
$python tools/make_split.py data/synth.h5 --protocol trial --out data/synth_trial.json
$python tools/prepare_pose3d.py vid data/synth.h5 --split data/synth_trial.json --out data/pose_train.h5
$python tools/prepare_pose3d.py vid data/synth.h5 --split data/synth_trial.json --subset test \
    --out data/pose_test.h5
echo; echo "3/6  Stage 1: poses in single pictures (an interrupted run goes on where it stopped)"
$python tools/train.py "$stage1" --resume
$python tools/test.py "$stage1" work_dirs/posenet_r18
echo; echo "4/6  Stage 2: markers and torques, from stage 1's weights (the same)"
$python tools/train.py "$config" --work-dir "$out" --resume $data
echo; echo "5/6  Test on the held-out trials"
$python tools/test.py "$config" "$out" --work-dir "$out" --out "$out/predictions.npz" $data
echo; echo "6/6  Pictures of a held-out trial: an image beside the legs' torques, and the torques of every joint"
draw="$python tools/plot_torques.py $out/predictions.npz $data"
$draw --out "$out/overview.png" --overview
$draw --out "$out/torque_curves.png"
echo; echo "Results: $out/results.json   Pictures: $out/overview.png, $out/torque_curves.png"
echo "Rank it: $python tools/submit.py $out/predictions.npz --benchmark synth@1/trial --model \"my model\" \\"
echo "    --card model_cards/vid_network.md --author \"Your Name\" --leaderboard leaderboard"
