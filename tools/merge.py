"""The same as ``vidzoo merge``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("merge", prog="python tools/merge.py")
