"""The same as ``vidzoo split``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("split", prog="python tools/make_split.py")
