"""The same as ``vidzoo interval-coverage``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("interval-coverage", prog="python tools/interval_coverage.py")
