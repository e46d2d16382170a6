"""The same as ``vidzoo features``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("features", prog="python tools/features.py")
