"""The same as ``vidzoo submit``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("submit", prog="python tools/submit.py")
