"""The same as ``vidzoo train``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("train", prog="python tools/train.py")
