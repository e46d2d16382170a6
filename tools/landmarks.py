"""The same as ``vidzoo landmarks``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("landmarks", prog="python tools/landmarks.py")
