#!/usr/bin/env bash
# From a fresh clone to torque curves: install, make synthetic data, train a small VID-Network, test it, draw it.
#   bash tools/quickstart.sh
# Leaves work_dirs/quickstart/: results.json, predictions.npz, torque_curves.png, the checkpoint and the logs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/install.sh
python=.venv/bin/python
out=work_dirs/quickstart
config=configs/vidnet_r18_synth.py

mkdir -p data "$out"
echo; echo "1/5  Synthetic data: made-up people with exact torques (not noise, and not real people)"
[ -f data/synth.h5 ] || $python tools/make_synthetic.py --out data/synth.h5
echo; echo "2/5  Split: whole trials held out"
$python tools/make_split.py data/synth.h5 --protocol trial --out data/synth_trial.json
echo; echo "3/5  Training (an interrupted run goes on where it stopped)"
$python tools/train.py "$config" --work-dir "$out" --resume
echo; echo "4/5  Test on the held-out trials"
$python tools/test.py "$config" "$out" --work-dir "$out" --out "$out/predictions.npz"
echo; echo "5/5  Torque curves of a held-out trial"
$python tools/plot_torques.py "$out/predictions.npz" --vid-file data/synth.h5 --split data/synth_trial.json \
    --out "$out/torque_curves.png"
echo; echo "Results: $out/results.json   Curves: $out/torque_curves.png"
