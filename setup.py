"""Packaging of vidzoo."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "vidzoo/__init__.py").read_text()).group(1)

EXTRAS = {
    # OpenSim's own inverse dynamics: vidzoo prepare-opencap --inverse-dynamics opensim
    # Its wheels are for Python 3.11 to 3.13, and on Linux for x86_64 alone; elsewhere the extra brings nothing.
    "opensim": [
        "opensim>=4.5; python_version >= '3.11' and python_version < '3.14'"
        " and (platform_system != 'Linux' or platform_machine == 'x86_64')"
    ],
    # the synthetic data set: vidzoo make-synthetic
    "synthetic": ["mujoco>=3.2"],
    # every network of timm as a backbone: TimmBackbone
    "timm": ["timm>=1.0"],
    # a lab's own leaderboard: vidzoo serve-leaderboard; httpx: vidzoo submit to one
    "server": ["fastapi>=0.110", "starlette", "uvicorn", "sqlalchemy>=2", "httpx"],
    # its database on PostgreSQL, --database postgresql+psycopg://...: SQLAlchemy imports the driver
    "postgresql": ["psycopg[binary]>=3.1"],
    # curves of a training: MMEngine imports it for dict(type="TensorboardVisBackend"), which no recipe uses by default
    "tensorboard": ["tensorboard"],
    # BlazePose's graph files: tflite reads them (vidzoo convert-blazepose), ai-edge-litert runs them (a test compares).
    # For development alone, and 160 MB: not part of "all", which a user installs.
    "litert": ["ai-edge-litert>=2", "tflite>=2.18"],
    # setuptools: tests install this package and the example plug-in as pip does, without the network
    "dev": ["mypy", "pre-commit", "pytest", "ruff", "scikit-learn", "selenium", "setuptools>=70.1"],
}
EXTRAS["all"] = sorted({requirement for name, group in EXTRAS.items() if name != "litert" for requirement in group})


class BuildWithRecipes(build_py):
    """Put recipes and weights into the package, where vidzoo.apis looks; an editable install has the checkout's."""

    def run(self):
        """Copy what find_packages finds, the recipes and the weights."""
        super().run()
        if not self.editable_mode:
            recipes = Path(self.build_lib) / "vidzoo/_recipes"
            shutil.rmtree(recipes, ignore_errors=True)
            for name in ("configs", "weights"):
                shutil.copytree(ROOT / name, recipes / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            shutil.copy(ROOT / "model-index.yml", recipes)


setup(
    name="vidzoo",
    version=VERSION,
    description="A model zoo for vision-based human inverse dynamics: joint torques from ordinary images",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["vidzoo", "vidzoo.*"]),
    package_data={
        "vidzoo": ["py.typed"],
        "vidzoo.evaluation": ["published/*.csv"],
        "vidzoo.leaderboard": ["benchmarks/*/*", "page_parts/*"],
        "vidzoo.models.blazepose": ["weights/*"],
    },
    install_requires=[
        "torch>=2.6",
        "torchvision",
        "mmengine>=0.10.7,<0.11",  # names of it that are private to it are used
        "mmcv-lite>=2.2",  # `import mmcv` without compiled operators: image transforms
        "numpy",
        "scipy>=1.15",  # its bootstrap takes rng
        "h5py",
        "tabulate",
        "rich",  # progress bars and tables in the terminal
        "safetensors",  # weights that cannot carry code
        "av",  # video decoding; its wheel carries FFmpeg
        "pyyaml",  # sessionMetadata.yaml, model-index.yml
        "matplotlib",  # torque curves
        "pydantic>=2",  # checks every field of what is submitted to a leaderboard
        "filelock",  # many writers of one leaderboard
        "jinja2",  # its page
        "natsort",  # subject2 before subject10
        "opencv-python",  # pictures; without a display, opencv-python-headless in its place does as well
        "typing_extensions",
    ],
    entry_points={"console_scripts": ["vidzoo = vidzoo.cli.main:main"]},
    extras_require=EXTRAS,
    cmdclass={"build_py": BuildWithRecipes},
)
