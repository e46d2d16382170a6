"""The same as ``vidzoo prepare-pose3d``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("prepare-pose3d", prog="python tools/prepare_pose3d.py")
