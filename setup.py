"""Packaging of vidzoo."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

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
    # a lab's own leaderboard: tools/serve_leaderboard.py
    "server": ["fastapi>=0.110", "uvicorn", "sqlalchemy>=2", "httpx"],
    # setuptools: tests install this package and the example plug-in as pip does, without the network
    "dev": ["mypy", "pre-commit", "pytest", "ruff", "scikit-learn", "selenium", "setuptools>=70.1"],
}
EXTRAS["all"] = sorted({requirement for group in EXTRAS.values() for requirement in group})


class BuildWithRecipes(build_py):
    """Put the recipes into the package, where vidzoo.apis looks for them; an editable install has the checkout's."""

    def run(self):
        """Copy what find_packages finds, and the recipes."""
        super().run()
        if not self.editable_mode:
            recipes = Path(self.build_lib) / "vidzoo/_recipes"
            shutil.rmtree(recipes, ignore_errors=True)
            shutil.copytree(ROOT / "configs", recipes / "configs", ignore=shutil.ignore_patterns("__pycache__"))
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
    },
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
        "pyyaml",  # sessionMetadata.yaml, model-index.yml
        "matplotlib",  # torque curves
        "pydantic>=2",  # what strangers submit, checked field by field
        "filelock",  # many writers of one leaderboard
        "jinja2",  # its page
        "natsort",  # subject2 before subject10
        "tensorboard",
    ],
    extras_require=EXTRAS,
    cmdclass={"build_py": BuildWithRecipes},
)
