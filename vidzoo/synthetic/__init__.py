"""Synthetic data: made-up people perform the eight actions by exact rigid-body dynamics and are drawn."""

import importlib.util

from vidzoo.errors import ConfigError

if importlib.util.find_spec("mujoco") is None:
    raise ConfigError("synthetic motion needs MuJoCo, which is not installed; run pip install 'vidzoo[synthetic]'.")

from vidzoo.synthetic.build import make_synthetic
from vidzoo.synthetic.trial import draw_subject, make_trial, perform_trial

__all__ = ["draw_subject", "make_synthetic", "make_trial", "perform_trial"]
