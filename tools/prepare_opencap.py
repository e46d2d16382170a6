"""The same as ``vidzoo prepare-opencap``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("prepare-opencap", prog="python tools/prepare_opencap.py")
