"""Packaging of vidzoo."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "vidzoo/__init__.py").read_text()).group(1)

EXTRAS = {
    # OpenSim's own inverse dynamics: tools/prepare_opencap.py --inverse-dynamics opensim
    # Its wheels are for Python 3.11 and later, and on Linux for x86_64 alone; elsewhere the extra brings nothing.
    "opensim": [
        "opensim>=4.5; python_version >= '3.11' and (platform_system != 'Linux' or platform_machine == 'x86_64')"
    ],
    # the synthetic data set: tools/make_synthetic.py
    "synthetic": ["mujoco>=3.2"],
    # every network of timm as a backbone: TimmBackbone
    "timm": ["timm>=1.0"],
    "dev": ["mypy", "pre-commit", "pytest", "ruff", "scikit-learn"],
}
EXTRAS["all"] = sorted({requirement for group in EXTRAS.values() for requirement in group})

setup(
    name="vidzoo",
    version=VERSION,
    description="A model zoo for vision-based human inverse dynamics: joint torques from ordinary images",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["vidzoo", "vidzoo.*"]),
    package_data={"vidzoo": ["py.typed"], "vidzoo.evaluation": ["published/*.csv"]},
    install_requires=[
        "torch>=2.6",
        "torchvision",
        "mmengine>=0.10.7",
        "mmcv-lite>=2.2",  # `import mmcv` without compiled operators: image transforms
        "numpy",
        "scipy",
        "h5py",
        "tabulate",
        "rich",  # progress bars and tables in the terminal
        "safetensors",  # weights that cannot carry code
        "av",  # video decoding; its wheel carries FFmpeg
        "pyyaml",  # sessionMetadata.yaml
        "matplotlib",  # torque curves
        "tensorboard",
    ],
    extras_require=EXTRAS,
)
