"""The same as ``vidzoo publish``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("publish", prog="python tools/publish.py")
