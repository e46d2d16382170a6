"""The same as ``vidzoo compare``."""

from vidzoo.cli.main import main

if __name__ == "__main__":
    main("compare", prog="python tools/compare_results.py")
