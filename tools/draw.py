"""The same as ``vidzoo draw``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("draw", prog="python tools/draw.py")
