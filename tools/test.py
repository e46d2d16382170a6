"""The same as ``vidzoo test``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("test", prog="python tools/test.py")
